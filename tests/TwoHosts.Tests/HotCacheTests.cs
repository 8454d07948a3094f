// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.TwoHosts.Tests;

/// <summary>A guest that reads some of its files again and again: after a failover those come into its memory before those that it read once.</summary>
public sealed class HotCacheTests
{
    // Each fourth file is hot, so that the places in memory tell nothing.
    private const int Files = 20;
    private const int FileMiB = 4;
    private const int AllMiB = Files * FileMiB;
    private const int HotMiB = AllMiB / 4;
    private const int PagesOfMiB = 256;
    private const int KnownPages = HotMiB * PagesOfMiB * 3 / 5;
    private const string HotFiles = "$(seq 2 4 19 | sed 's,^,/data/f,')";

    // A smaller file system has blocks of 1 KiB, whose files do not begin where pages could be compared.
    private const int DiskMiB = 768;

    // Slow enough that the test sees the hot files there and most of the others not.
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
        LabGuest guest = lab.StartGuest("reader", new LabGuestOptions { MemoryMiB = 192, Nic = true, Disk = $"{DiskMiB}M", Agent = true });

        // Not with busybox' cat, which hands pages on without touching them. All of it before the guest is protected and asked: nobody sees that it reads the others.
        guest.Run(
            $$"""
            cd /data; for n in $(seq 0 {{Files - 1}}); do dd if=/dev/urandom of=f$n bs=1M count={{FileMiB}} 2>/dev/null || exit 1; done
            sync; echo 3 >/proc/sys/vm/drop_caches; for n in $(seq 0 {{Files - 1}}); do dd if=f$n of=/dev/null bs=64k 2>/dev/null; done
            (while [ ! -e /run/enough ]; do for f in {{HotFiles}}; do dd if=$f of=/dev/null bs=64k; done; usleep 50000; done) >/dev/null 2>&1 &
            """);
        lab.HostA.Hikae("enable", guest.Name, "--backup", lab.HostB.Name);
        guest.WaitForProtected(lab.HostA);
        guest.WaitForReport(
            lab.HostB, "holding all files as references", report => report is { State: "ready", SoftPages.OnDisk: > AllMiB * PagesOfMiB * 95 / 100 });

        // A first sample counts a quarter: after it a chunk is hot only if a quarter of it is read, and many have less, where a file begins or ends. After four a tenth is enough.
        guest.WaitForReport(lab.HostA, "knowing what the guest reads", report => report.SoftPages?.Read >= KnownPages);
        guest.WaitForReport(lab.HostB, "knowing what the guest reads", report => report is { State: "ready", SoftPages.Read: >= KnownPages });

        // From here on nothing but the order in which memory is filled tells the files apart.
        guest.Run("touch /run/enough; sleep 1");
        guest.WaitForProtected(lab.HostA);
        lab.HostA.Kill();
        guest.WaitForDomainState(lab.HostB, "running");
        const long cold = (long)(AllMiB - HotMiB) << 20;
        GuestReport filled = guest.WaitForReport(
            lab.HostB,
            "having filled as much as is not cold, but for half as much as is hot",
            report => report.MemoryFill is { } fill && fill.DoneBytes >= fill.TotalBytes - cold - (HotMiB << 19));
        Assert.InRange(filled.MemoryFill!.DoneBytes, 1, filled.MemoryFill.TotalBytes - (cold / 2));

        guest.Run($"for f in {HotFiles}; do dd if=$f of=/dev/null bs=64k 2>/dev/null; done");

        DateTimeOffset read = DateTimeOffset.UtcNow;
        GuestReport after = guest.WaitForReport(lab.HostB, "being filled still", report => report.MemoryFill is not null && report.UpdatedAt > read);
        Assert.InRange(after.MemoryFill!.WaitedPages - filled.MemoryFill.WaitedPages, 0, HotMiB * PagesOfMiB / 10);
    }
}
