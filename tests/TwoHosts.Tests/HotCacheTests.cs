// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.TwoHosts.Tests;

/// <summary>A guest that reads one of its files again and again: after a failover that file comes into its memory before those that it read once.</summary>
public sealed class HotCacheTests
{
    private const int HotMiB = 16;
    private const int ColdMiB = 64;
    private const int PagesOfMiB = 256;

    // A smaller file system has blocks of 1 KiB, whose files do not begin where pages could be compared.
    private const int DiskMiB = 768;

    // Slow enough that the test sees the hot file there and most of the others not.
    private const int PrefetchMiB = 6;

    private static readonly Dictionary<string, string> Settings = new(SharedLab.CalmSettings)
    {
        ["soft.on_disk"] = "yes",
        ["backup.prefetch_mib_s"] = $"{PrefetchMiB}",
    };

    [Fact]
    public void It_finds_what_it_reads_often_before_what_it_read_once()
    {
        Lab.RequireParts();
        using Lab lab = Lab.Up("hotcache", new LabOptions { Settings = Settings });
        LabGuest guest = lab.StartGuest("reader", new LabGuestOptions { Protect = "hostB", MemoryMiB = 192, Nic = true, Disk = $"{DiskMiB}M", Agent = true });
        guest.WaitForProtected(lab.HostA);

        // The hot file is the older one: were it the newest, what was written last would tell, too.
        guest.Run(
            $$"""
            cd /data; for f in hot:{{HotMiB}} cold:{{ColdMiB}}; do dd if=/dev/urandom of=${f%:*} bs=1M count=${f#*:} 2>/dev/null || exit 1; done
            sync; echo 3 >/proc/sys/vm/drop_caches; cat hot >/dev/null; cat cold >/dev/null
            """);
        guest.WaitForReport(
            lab.HostB, "holding both files as references", report => report is { State: "ready", SoftPages.OnDisk: > (HotMiB + ColdMiB) * PagesOfMiB * 95 / 100 });
        guest.Run("(while [ ! -e /run/enough ]; do cat /data/hot >/dev/null; usleep 50000; done) >/dev/null 2>&1 &");
        guest.WaitForReport(lab.HostA, "knowing what the guest reads", report => report.SoftPages?.Read >= HotMiB * PagesOfMiB * 2 / 5);
        guest.WaitForReport(lab.HostB, "knowing what the guest reads", report => report is { State: "ready", SoftPages.Read: >= HotMiB * PagesOfMiB * 2 / 5 });

        // From here on nothing but the order in which memory is filled tells the files apart.
        guest.Run("touch /run/enough; sleep 1");
        guest.WaitForProtected(lab.HostA);
        lab.HostA.Kill();
        guest.WaitForDomainState(lab.HostB, "running");
        GuestReport filled = guest.WaitForReport(
            lab.HostB,
            "having filled as much as is not of the cold file, but for the half of the hot one",
            report => report.MemoryFill is { } fill && fill.DoneBytes >= fill.TotalBytes - ((long)(ColdMiB + (HotMiB / 2)) << 20));
        Assert.InRange(filled.MemoryFill!.DoneBytes, 1, filled.MemoryFill.TotalBytes - ((long)ColdMiB << 19));

        // Not with busybox' cat, which hands pages on without touching them.
        guest.Run("dd if=/data/hot of=/dev/null bs=64k 2>/dev/null");

        DateTimeOffset read = DateTimeOffset.UtcNow;
        GuestReport after = guest.WaitForReport(lab.HostB, "being filled still", report => report.MemoryFill is not null && report.UpdatedAt > read);
        Assert.InRange(after.MemoryFill!.WaitedPages - filled.MemoryFill.WaitedPages, 0, HotMiB * PagesOfMiB / 10);
    }
}
