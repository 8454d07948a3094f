// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Bench.Colo;
using Hikae.Bench.Figures;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>
/// What the backup keeps of a 4 GiB guest whose page cache is filled step by step: Hikae, Hikae without soft pages, and stock QEMU's COLO secondary. The first
/// figure of the paper on backup VM consolidation.
/// </summary>
internal sealed class PaperMemoryBenchmark : Benchmark
{
    private const int MemoryMiB = 4096;
    private const int FileMiB = 3700;
    private const string FileInGuest = "/data/fill";

    private static readonly int[] Percents = [10, 30, 50, 70, 90];
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    public override string Name => "paper-memory";

    public override string Summary => "memory on the backup at 10 to 90 % page cache in a 4 GiB guest: soft pages on, off, COLO";

    // The figure is about memory: the disk is looked through as fast as it goes.
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["link.detect_ms"] = "10000", ["arbiter.lease_ms"] = "20000", ["soft.on_disk"] = "yes", ["soft.scan_mib_s"] = "1024",
    };

    protected override void Measure(Lab lab, BenchmarkOptions options, Report report)
    {
        options.Say("writing the file that fills the page cache");
        string file = Path.Combine(lab.SharedFolder, "fill");
        MakeFile(file);
        LabGuest soft = MakeGuest(lab, "soft", agent: true, file);
        LabGuest off = MakeGuest(lab, "off", agent: false, file);
        File.Delete(file);

        var rows = Percents.ToDictionary(percent => percent, percent => new List<Figure> { new("cache_percent", percent), new("guest_bytes", MemoryMiB * 1048576.0) });
        MeasureHikae(lab, soft, "hikae", options, rows);
        foreach (LabHost host in lab.Hosts)
        {
            host.Shell("sed -i 's/^on_disk = .*/on_disk = no/' /etc/hikae/hikae.conf && grep -qx 'on_disk = no' /etc/hikae/hikae.conf");
            host.RestartHikaed();
            Waiting.Until($"{host.Name}'s hikaed answers", Limit, () => host.TryRun("hikae", "status").Succeeded, lab.Logs);
        }
        MeasureHikae(lab, off, "soft_off", options, rows);
        foreach (int percent in Percents)
        {
            options.Say($"COLO, {percent} % page cache");
            using var pair = new ColoPair(lab, soft, $" hikae.fill={MiBOf(percent)}");
            Waiting.Until("the guest is up under COLO's primary", Limit, () => pair.GuestIsUp);
            rows[percent].Add(new Figure("colo_bytes", pair.Replicate(Limit).RssBytes));
            options.Say($"colo_bytes {rows[percent][^1].Value:0}");
        }

        foreach (int percent in Percents)
        {
            report.AddRow("fill_levels", [.. rows[percent]]);
        }
        report.Note("guest", $"{MemoryMiB} MiB, 1 virtual processor, a file on ext4 read up to that share of its memory, half noise and half text; idle otherwise");
        report.Note("hikae_bytes", "PSS of the backup sidecar, all of it; agent on, soft.on_disk = yes, outputs held");
        report.Note("soft_off_bytes", "the same without agent and with soft.on_disk = no: pages are dropped only when they are zero");
        report.Note("colo_bytes", "RSS of the QEMU 10.0 secondary once both sides say that they are in COLO; no network filters, no block replication");
        report.Note("paper", "kept at 10 % page cache: 2909 MB, 14.95 % less than Kemari; at 90 %: 76.64 % less");
    }

    private static void MeasureHikae(Lab lab, LabGuest guest, string column, BenchmarkOptions options, Dictionary<int, List<Figure>> rows)
    {
        guest.Start(lab.HostA);
        Waiting.UntilProtected(lab, lab.HostA, guest.Name);
        int read = 0;
        foreach (int percent in Percents)
        {
            options.Say($"{column}, {percent} % page cache");
            int wanted = MiBOf(percent);
            // In pieces: a command in a guest must not take minutes.
            for (int piece; read < wanted; read += piece)
            {
                piece = Math.Min(256, wanted - read);
                guest.Run($"dd if={FileInGuest} of=/dev/null bs=1M skip={read} count={piece} 2>/dev/null");
            }
            Waiting.Until("the replica stays as it is", Limit, () => ReplicaWatch.IsSettled(lab.HostA, lab.HostB, guest.Name), lab.Logs);
            var sidecar = new ProcessFigures(lab.HostB, guest.SidecarOn(lab.HostB) ?? throw new LabException("no sidecar on the backup"));
            rows[percent].Add(new Figure($"{column}_bytes", sidecar.PssBytes));
            long cached = 1024 * long.Parse(guest.Run("sed -n 's/^Cached: *\\([0-9]*\\) kB/\\1/p' /proc/meminfo").Trim(), CultureInfo.InvariantCulture);
            if (cached < (long)wanted << 20)
            {
                throw new LabException($"The guest's page cache has {cached} bytes, and not the {wanted} MiB that were read.");
            }
            rows[percent].Add(new Figure($"{column}_guest_cached_bytes", cached));
            // It takes long, and may end before its end.
            options.Say($"{string.Join(", ", rows[percent].Select(figure => $"{figure.Name} {figure.Value:0}"))}");
        }
        lab.HostA.Virsh("destroy", guest.Name);
        Waiting.Until("the replica is dropped", Limit, () => guest.SidecarOn(lab.HostB) is null, lab.Logs);
    }

    private static int MiBOf(int percent) => MemoryMiB * percent / 100;

    private static LabGuest MakeGuest(Lab lab, string name, bool agent, string file)
    {
        LabGuest guest = lab.Guest(name, new LabGuestOptions
        {
            MemoryMiB = MemoryMiB, Nic = true, Agent = agent, App = "idle", Disk = $"{FileMiB + 400}M", Protect = lab.HostB.Name,
        });
        string image = Path.Combine(guest.SharedFolder, "disk.raw");
        GuestImage.Put(lab, image, file, Path.GetFileName(FileInGuest));
        return guest;
    }

    private static void MakeFile(string path)
    {
        using FileStream file = File.Create(path);
        byte[] chunk = new byte[1 << 20];
        long number = 0;
        for (int i = 0; i < FileMiB; i++)
        {
            if (i % 2 == 0)
            {
                Random.Shared.NextBytes(chunk);
            }
            else
            {
                for (int at = 0; at < chunk.Length; at += 16)
                {
                    (number++).TryFormat(chunk.AsSpan(at, 15), out _, "D15", CultureInfo.InvariantCulture);
                    chunk[at + 15] = (byte)'\n';
                }
            }
            file.Write(chunk);
        }
    }
}
