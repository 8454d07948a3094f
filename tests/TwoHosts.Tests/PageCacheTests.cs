// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.TwoHosts.Tests;

/// <summary>A guest whose page cache, and whose memory that equals its disk for other reasons, is not sent to the backup.</summary>
public sealed class PageCacheTests
{
    // MiB of the three files: cached, overwritten before the cut, overwritten after it.
    private const int CachedMiB = 40;
    private const int EarlyMiB = 15;
    private const int LateMiB = 15;

    private const long PagesOfMiB = 256;

    // A smaller file system has blocks of 1 KiB, whose files do not begin where pages could be compared.
    private const string DiskSize = "768M";

    private static readonly Dictionary<string, string> Settings = new() { ["link.detect_ms"] = "2000", ["soft.on_disk"] = "yes" };

    [Theory]
    [InlineData("softcache", true)]
    [InlineData("softcache-nouffd", false)]
    public void It_survives_a_power_cut_with_every_page_right(string name, bool userfaultfd)
    {
        Lab.RequireParts();
        using Lab lab = Lab.Up(name, new LabOptions { Userfaultfd = userfaultfd, Settings = Settings });
        LabGuest guest = lab.StartGuest("cached", new LabGuestOptions { Protect = "hostB", MemoryMiB = 256, Nic = true, Disk = DiskSize, Agent = true });
        guest.WaitForProtected(lab.HostA);
        FillMemory(guest);
        long references = (CachedMiB + EarlyMiB + EarlyMiB + LateMiB + LateMiB) * PagesOfMiB;
        GuestReport held = guest.WaitForReport(
            lab.HostB, $"holding most of {references} references", report => report is { State: "ready", SoftPages.OnDisk: long pages } && pages > references * 9 / 10);
        Assert.InRange(held.BackupBytes, 1, held.GuestBytes - (references * 4096));

        // Memory that equals a file stays, and the file does not.
        Overwrite(guest, "early", EarlyMiB);
        guest.WaitForReport(
            lab.HostB, "no longer reading what was overwritten from the disk",
            report => report is { State: "ready", SoftPages.OnDisk: long pages } && pages < references - (EarlyMiB * PagesOfMiB * 9 / 10));
        lab.HostA.Kill();
        guest.WaitForDomainState(lab.HostB, "running");
        Overwrite(guest, "late", LateMiB);

        long readBefore = SectorsRead(guest);
        Assert.Equal(["/data/cached: OK", "/dev/shm/early: OK", "/dev/shm/late: OK"], guest.Run("sha256sum -c /dev/shm/sums").Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.InRange(SectorsRead(guest) - readBefore, 0, CachedMiB * 2048 / 100);

        // And so is the disk.
        guest.Run("echo 3 > /proc/sys/vm/drop_caches");
        Assert.Equal("/data/cached: OK", guest.Run("sha256sum -c /dev/shm/sums 2>/dev/null | head -n 1").Trim());
    }

    // Files of noise that are read into an empty page cache, and copies of two of them in memory.
    private static void FillMemory(LabGuest guest)
    {
        guest.Run(
            $"cd /data; for f in cached:{CachedMiB} early:{EarlyMiB} late:{LateMiB}; do dd if=/dev/urandom of=${{f%:*}} bs=1M count=${{f#*:}} 2>/dev/null || exit 1; done; sync; "
            + "echo 3 > /proc/sys/vm/drop_caches; cp early late /dev/shm && sha256sum /data/cached /dev/shm/early /dev/shm/late > /dev/shm/sums");
    }

    // Past the page cache, so that nothing but the disk's blocks changes.
    private static void Overwrite(LabGuest guest, string file, int mib) =>
        guest.Run($"dd if=/dev/urandom of=/data/{file} bs=1M count={mib} conv=notrunc oflag=direct 2>/dev/null");

    private static long SectorsRead(LabGuest guest) =>
        long.Parse(guest.Run("cat /sys/block/vda/stat").Split(' ', StringSplitOptions.RemoveEmptyEntries)[2], System.Globalization.CultureInfo.InvariantCulture);
}
