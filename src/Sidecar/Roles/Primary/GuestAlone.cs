// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Primary;

namespace Hikae.Sidecar;

/// <summary>What leaves a guest when this host alone may run it, without a backup: first its disk writes, then what it said after them.</summary>
internal sealed class GuestAlone(PrimaryGuest guest, PrimaryDisks disks, GuestPause pause, StatusBoard status)
{
    // A storage that hangs: what the guest said waits on, and leaves when this is called again.
    private static readonly TimeSpan DrainPatience = TimeSpan.FromSeconds(10);

    /// <summary>After a claim. Nothing happens to a guest that has ended: it needs another one first.</summary>
    /// <param name="isMigrating">Whoever reads the images at the end of a migration must be able to lock them.</param>
    public void GoOn(bool isMigrating)
    {
        if (guest.Process.HasExited)
        {
            return;
        }
        disks.Images.Open();
        disks.PassThrough();
        if (disks.Disks.WaitDrained(DrainPatience))
        {
            disks.TrySetLocked(!isMigrating);
            ReleaseOutputs(isMigrating);
        }
    }

    /// <summary>What waited leaves, and the filters are taken away; when that fails, the next call tries again, and packets pass meanwhile.</summary>
    /// <param name="isMigrating">
    /// The filters stay. To take them away the guest is stopped and let go on, and a guest that has been sent whole in between would run here and there.
    /// </param>
    public void ReleaseOutputs(bool isMigrating)
    {
        guest.Output.ReleaseAll();
        if (!isMigrating)
        {
            guest.Output.TryRemove(pause);
        }
        status.Update(now => now with { Outputs = now.Outputs is OutputHold.Held ? OutputHold.Unheld : now.Outputs });
    }
}
