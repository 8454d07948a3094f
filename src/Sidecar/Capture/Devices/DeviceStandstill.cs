// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Capture;

/// <summary>Makes the guest stand still with the one command that also takes its device state.</summary>
/// <remarks>
/// Three commands (stop, save, cont) cost three ways through libvirt, with the guest standing still on all of them, and leave a guest standing
/// still when this process dies between them. QEMU's save stops and continues the guest by itself; see <see cref="DeviceStateCapture"/>.
/// A user's suspend cannot fall into it: libvirt runs one command of a domain after the other.
/// </remarks>
internal sealed class DeviceStandstill(GuestPause guest, DeviceStateCapture capture) : IStandstill
{
    private readonly StopAndContinue _last = new(guest);

    public bool? TrySeal(PauseTimings pause, bool leavePaused, Func<bool> seal, CancellationToken cancellationToken)
    {
        if (leavePaused)
        {
            // QEMU's save leaves a guest as it found it, so one that is stopped before stays so.
            return _last.TrySeal(pause, leavePaused, () => capture.Save(pause, seal, cancellationToken), cancellationToken);
        }
        return guest.IsRunning ? capture.Save(pause, seal, cancellationToken) : null;
    }
}
