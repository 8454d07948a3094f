// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Capture;

/// <summary>The guest's devices and processors as the epoch sees them: QEMU's device state, taken whole in every pause.</summary>
internal sealed class DeviceParticipant(DeviceStateCapture capture, EpochQueue queue) : IEpochParticipant
{
    public void Prepare(EpochId epoch, CancellationToken cancellationToken)
    {
        // Device state cannot be taken ahead of the pause.
    }

    // Taking it is what makes the guest stand still: it is complete when the guest goes on.
    public bool TrySeal(EpochId epoch, PauseTimings pause, CancellationToken cancellationToken) => true;

    public void Resumed(EpochId epoch) => queue.Add(new EpochPart.Devices(capture.Saved.ToArray()), CancellationToken.None);

    public void Commit(EpochId epoch)
    {
        // Device state holds nothing back.
    }

    public void Abort(EpochId epoch)
    {
        // The next session takes it anew.
    }
}
