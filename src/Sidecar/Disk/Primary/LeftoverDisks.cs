// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Graph;
using Hikae.Sidecar.Recovery;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Disk.Primary;

/// <summary>What is left of a guest that has ended while no sidecar of it lived: writes that it was told are done, and that are in no image.</summary>
internal static class LeftoverDisks
{
    private static readonly TimeSpan DrainReport = TimeSpan.FromSeconds(10);

    /// <summary>Brings them into the images, or drops them when another host has gone on with the guest. For as long as it takes: until then the guest must not start.</summary>
    public static void Settle(SidecarOptions options, GuestOwnership ownership, ILogger logger)
    {
        string mark = options.RunFile("draining");
        if (!File.Exists(mark) || QemuProcess.IsAnyOf(options.Uuid))
        {
            return;
        }
        File.WriteAllText(mark, string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}\n"));
        IReadOnlyList<InsertedDisk> left = new InsertedDisks(GuestDisks.StateFile(options.RunDirectory, options.Guest)).All;
        using var disks = new GuestDisks(options.RunDirectory, options.Guest, new DiskSockets(options.ControlSocket, options.Guest, logger), logger);
        bool isOurs = ClaimAlone(ownership, OwnedGeneration(options), logger);
        foreach (InsertedDisk disk in left)
        {
            disks.Open(disk.Disk, takesOver: true);
        }
        if (isOurs)
        {
            logger.LeftoverDrained(string.Join(", ", left.Select(disk => disk.Disk.Target)), disks.BufferedBytes);
            disks.PassThrough();
            while (!disks.WaitDrained(DrainReport))
            {
                logger.StillDraining(disks.BufferedBytes, disks.Trouble ?? "the storage is slow");
            }
        }
        disks.Forget();
        File.Delete(mark);
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
