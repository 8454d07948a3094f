// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Graph;
using Hikae.Sidecar.Recovery;
using Hikae.Sidecar.Recovery.Interrupted;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Disk.Primary;

/// <summary>What is left of a guest that has ended while no sidecar of it lived: writes that it was told are done, and that are in no image.</summary>
internal static class LeftoverDisks
{
    private static readonly TimeSpan DrainReport = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Brings them into the images, or drops them when another host has gone on with the guest. For as long as it takes: until then the guest must not start.
    /// A guest that was taken over and died before its images could be written: their former owner's time is waited for here, too.
    /// </summary>
    public static void Settle(SidecarOptions options, GuestOwnership ownership, ILogger logger)
    {
        if (!DrainMark.IsSet(options) || DrainMark.IsAnothers(options) || QemuProcess.IsAnyOf(options.Uuid))
        {
            return;
        }
        DrainMark.Set(options);
        IReadOnlyList<InsertedDisk> left = new InsertedDisks(GuestDisks.StateFile(options.RunDirectory, options.Guest)).All;
        using var disks = new GuestDisks(options, logger);
        bool isOurs = ClaimAlone(ownership, OwnedGeneration(options), logger);
        foreach (InsertedDisk disk in left)
        {
            disks.Open(disk.Disk, takesOver: true, disk.Inode);
        }
        if (isOurs)
        {
            logger.LeftoverDrained(string.Join(", ", left.Select(disk => disk.Disk.Target)), disks.BufferedBytes);
            if (TakeoverNote.Read(options) is { } takeover)
            {
                Thread.Sleep(takeover.UntilMayWrite());
            }
            disks.PassThrough();
            while (!disks.WaitDrained(DrainReport))
            {
                logger.StillDraining(disks.BufferedBytes, disks.Trouble ?? "the storage is slow");
            }
        }
        disks.Forget();
        // A takeover that was cut short before QEMU got its disks has buffers, too; the guest has not run since.
        BufferFiles.DeleteAll(options.RunDirectory, options.Guest);
        TakeoverNote.Delete(options);
        DrainMark.Clear(options);
        if (isOurs)
        {
            PatientClaims.Make(ownership.Release, Timeout.InfiniteTimeSpan, logger);
        }
    }

    /// <summary>Of the run of the guest that has ended.</summary>
    private static long OwnedGeneration(SidecarOptions options)
    {
        using SidecarMarker marker = SidecarMarker.Open(options.RunFile("state"));
        return marker.LastOwnedGeneration;
    }

    /// <summary>False: another host has the guest, or had it and brought it to its end.</summary>
    private static bool ClaimAlone(GuestOwnership ownership, long ownedGeneration, ILogger logger)
    {
        try
        {
            PatientClaims.Make(
                () =>
                {
                    if (ownership.Refresh() is not null)
                    {
                        ownership.ClaimUnprotected(ownedGeneration);
                    }
                },
                Timeout.InfiniteTimeSpan,
                logger);
            return true;
        }
        catch (FencedException error)
        {
            logger.Fenced(error.Message);
            return false;
        }
    }
}
