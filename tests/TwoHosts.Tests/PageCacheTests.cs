// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Text;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.TwoHosts.Tests;

/// <summary>A guest whose page cache, and whose memory that equals its disk for other reasons, is not kept on the backup.</summary>
public sealed class PageCacheTests
{
    private const int CachedMiB = 12;
    private const int MarkedMiB = 4;

    // Copies of the two in memory: of what is overwritten before the cut, and after it.
    private const int EarlyMiB = 6;
    private const int LateMiB = 6;

    // Written to the disk long after it was written to memory.
    private const int LaterMiB = 8;

    private const long PagesOfMiB = 256;
    private const string Mark = "as the primary saw it ";
    private const string OtherMark = "as somebody else wants";

    // A smaller file system has blocks of 1 KiB, whose files do not begin where pages could be compared.
    private const int DiskMiB = 768;

    private static readonly Dictionary<string, string> Settings = new(SharedLab.CalmSettings) { ["soft.on_disk"] = "yes" };

    /// <summary>One guest for all of it, as a start and a full memory take most of the time.</summary>
    [Fact]
    public void It_survives_power_cuts_with_every_page_right_and_ends_when_its_disk_is_not_what_it_was()
    {
        Lab.RequireParts();
        using Lab lab = Lab.Up("softcache", new LabOptions { Settings = Settings });
        LabGuest guest = lab.StartGuest(
            "cached", new LabGuestOptions { Protect = "hostB", MemoryMiB = 192, Nic = true, Disk = $"{DiskMiB}M", Agent = true });
        guest.WaitForProtected(lab.HostA);

        FillMemory(guest);
        long all = CachedMiB + MarkedMiB + (2 * (EarlyMiB + LateMiB));
        WaitForReferences(guest, lab.HostB, all);
        all += WriteNowAndToDiskLater(guest, lab);
        GuestReport held = WaitForReferences(guest, lab.HostB, all);
        Assert.InRange(held.BackupBytes, 1, held.GuestBytes - (all * PagesOfMiB * 4096 * 9 / 10));

        // Memory that equals a file stays, and the file does not.
        Overwrite(guest, "early", EarlyMiB);
        guest.WaitForReport(
            lab.HostB, "no longer reading what was overwritten from the disk",
            report => report is { State: "ready", SoftPages.OnDisk: long pages } && pages < held.SoftPages!.OnDisk - (EarlyMiB * PagesOfMiB * 9 / 10));
        Cut(lab.HostA, guest, lab.HostB);
        Overwrite(guest, "late", LateMiB);
        AssertMemoryIsRight(guest, "cached marked later");

        // The next primary saw nothing of this pass, so it looks through the disk. The next backup gives QEMU all memory before it runs.
        lab.HostA.Boot(userfaultfd: false);
        WaitForScannedDisk(guest, lab.HostB);
        WaitForReferences(guest, lab.HostA, CachedMiB + MarkedMiB + LaterMiB);
        Cut(lab.HostB, guest, lab.HostA);
        AssertMemoryIsRight(guest, "cached marked later");
        guest.Run("echo 3 > /proc/sys/vm/drop_caches");
        Assert.Equal("/data/cached: OK", guest.Run("sha256sum -c /dev/shm/cached.sum").Trim());

        // Somebody else writes to the image.
        lab.HostB.Boot(userfaultfd: true);
        guest.Run("cat /data/marked /data/later > /dev/null");
        WaitForScannedDisk(guest, lab.HostA);
        WaitForReferences(guest, lab.HostB, CachedMiB + MarkedMiB + LaterMiB);
        Assert.InRange(Replace(Assert.Single(Directory.GetFiles(guest.SharedFolder, "*.raw")), Mark, OtherMark), 1, int.MaxValue);
        lab.HostA.Kill();
        GuestReport failed = guest.WaitForState(lab.HostB, "failed");
        Assert.Matches("Page [0-9]+ of RAM block .* has other bytes than the primary saw there", failed.Reason);
        Assert.NotEqual("running", guest.StateOn(lab.HostB));
    }

    // Files that are read into an empty page cache, and copies of two of them in memory. Nothing is written back before it is asked for.
    private static void FillMemory(LabGuest guest) => guest.Run(
        $$"""
        cd /proc/sys/vm; echo 80 > dirty_ratio; echo 70 > dirty_background_ratio; echo 360000 > dirty_expire_centisecs
        cd /data
        for f in cached:{{CachedMiB}} early:{{EarlyMiB}} late:{{LateMiB}}; do dd if=/dev/urandom of=${f%:*} bs=1M count=${f#*:} 2>/dev/null || exit 1; done
        seq 1500 | sed 's/^/{{Mark}}/' > /dev/shm/part
        for n in $(seq 1000 1199); do echo $n; cat /dev/shm/part; done | head -c {{MarkedMiB << 20}} > marked; rm /dev/shm/part
        sync; echo 3 > /proc/sys/vm/drop_caches
        cp early late /dev/shm
        for f in cached marked /dev/shm/early /dev/shm/late; do sha256sum $(readlink -f $f) > /dev/shm/${f##*/}.sum || exit 1; done
        """);

    // Gives its MiB.
    private static int WriteNowAndToDiskLater(LabGuest guest, Lab lab)
    {
        guest.Run($"dd if=/dev/urandom of=/data/later bs=1M count={LaterMiB} 2>/dev/null; sha256sum /data/later > /dev/shm/later.sum");
        guest.WaitForProtected(lab.HostA);

        // So it was sent when no block could be known that equals it.
        string dirty = guest.Run("awk '/^Dirty:/ { print $2 }' /proc/meminfo");
        Assert.InRange(long.Parse(dirty, CultureInfo.InvariantCulture), LaterMiB * 1024, long.MaxValue);
        guest.Run("sync");
        return LaterMiB;
    }

    private static GuestReport WaitForReferences(LabGuest guest, LabHost backup, long mib) => guest.WaitForReport(
        backup, $"holding {mib} MiB of references", report => report is { State: "ready", SoftPages.OnDisk: long pages } && pages > mib * PagesOfMiB * 95 / 100);

    private static void WaitForScannedDisk(LabGuest guest, LabHost primary)
    {
        guest.WaitForProtected(primary);
        GuestReport done = guest.WaitForReport(
            primary, "having looked through the disk", report => report.DiskScan is { } scan && scan.DoneBytes == scan.TotalBytes);
        Assert.Equal((long)DiskMiB << 20, done.DiskScan!.TotalBytes);
    }

    private static void Cut(LabHost primary, LabGuest guest, LabHost backup)
    {
        primary.Kill();
        guest.WaitForDomainState(backup, "running");
    }

    // And it is the memory that is: next to nothing of it is read from the disk.
    private static void AssertMemoryIsRight(LabGuest guest, string files)
    {
        long readBefore = SectorsRead(guest);
        string checks = guest.Run($"for f in {files} early late; do sha256sum -c /dev/shm/$f.sum; done");
        Assert.All(checks.Split('\n'), line => Assert.EndsWith(": OK", line, StringComparison.Ordinal));
        Assert.Equal(files.Split(' ').Length + 2, checks.Split('\n').Length);
        Assert.InRange(SectorsRead(guest) - readBefore, 0, LaterMiB * 2048 / 20);
    }

    // Past the page cache, so that nothing but the disk's blocks changes.
    private static void Overwrite(LabGuest guest, string file, int mib) =>
        guest.Run($"dd if=/dev/urandom of=/data/{file} bs=1M count={mib} conv=notrunc oflag=direct 2>/dev/null");

    private static long SectorsRead(LabGuest guest) =>
        long.Parse(guest.Run("cat /sys/block/vda/stat").Split(' ', StringSplitOptions.RemoveEmptyEntries)[2], CultureInfo.InvariantCulture);

    // How often the words were found in the file.
    private static int Replace(string path, string words, string others)
    {
        using FileStream file = File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        byte[] buffer = new byte[1 << 20];
        int found = 0;
        for (int read; (read = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false)) > 0;)
        {
            Span<byte> bytes = buffer.AsSpan(0, read);
            for (int at; (at = bytes.IndexOf(Encoding.ASCII.GetBytes(words))) >= 0; found++)
            {
                Encoding.ASCII.GetBytes(others, bytes[at..]);
            }
            file.Position -= read;
            file.Write(buffer, 0, read);
        }
        return found;
    }
}
