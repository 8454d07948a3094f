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

    public bool TrySeal(EpochId epoch, PauseTimings pause, CancellationToken cancellationToken)
    {
        queue.Add(new EpochPart.Devices(capture.Save()), cancellationToken);
        pause.Mark("devices");
        return true;
    }

    public void Resumed(EpochId epoch)
    {
        // Nothing was left for later.
    }

    public void Commit(EpochId epoch)
    {
        // Device state holds nothing back.
    }

    public void Abort(EpochId epoch)
    {
        // The next session takes it anew.
    }
}
