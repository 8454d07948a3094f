// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Bench.Disk;
using Hikae.Bench.Figures;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>What a guest's disk does through the sidecar, beside the same image served by nbdkit and the bare image. Needs no lab.</summary>
internal sealed class DiskBenchmark : Benchmark
{
    private const int DefaultRounds = 5;
    private const long ImageBytes = 1L << 30;

    // More than the buffer holds, and to the end: the client's last request is a flush, and the time until it is answered counts.
    private static readonly string[] RandomWrites = ["--rw=randwrite", "--bs=4k", "--iodepth=16", "--size=1g", "--io_size=512m", "--end_fsync=1"];
    private static readonly string[] SequentialWrites = ["--rw=write", "--bs=64k", "--iodepth=16", "--size=1g", "--end_fsync=1"];

    // Less than the buffer holds, and no flush: what the servers themselves can do.
    private static readonly string[] RandomBurst = ["--rw=randwrite", "--bs=4k", "--iodepth=16", "--size=1g", "--io_size=96m"];
    private static readonly string[] SequentialBurst = ["--rw=write", "--bs=64k", "--iodepth=16", "--size=1g", "--io_size=96m"];
    private static readonly string[] Fsyncs = ["--rw=randwrite", "--bs=4k", "--iodepth=1", "--size=1g", "--runtime=2", "--time_based"];

    public override string Name => "disk";

    public override string Summary => "a guest's disk through the sidecar, beside nbdkit and the bare image";

    public override string[] Needs { get; } = ["hikae-sidecar"];

    public override Report Run(BenchmarkOptions options)
    {
        var report = new Report(Name);
        report.Note("machine", Machine.Description);
        report.Add("load_average_before", Machine.LoadAverage);
        bool indexed = options.Settings.GetValueOrDefault("soft.on_disk", "no") != "no";
        report.Note("soft.on_disk", indexed ? "the blocks' content is learned" : "no");
        options.Say("writing the image");
        using var folder = new DiskFolder(ImageBytes);
        using DiskServer nbdkit = DiskServer.Nbdkit(folder.Image, folder.Socket("nbdkit"));
        using DiskServer hikae = DiskServer.Hikae(folder.Image, folder.Socket("hikae"), folder.Buffer, indexed);
        (string Name, string[] Target)[] targets =
            [("hikae", hikae.FioTarget), ("nbdkit", nbdkit.FioTarget), ("bare", ["--ioengine=psync", $"--filename={folder.Image}"])];

        int rounds = options.Runs ?? DefaultRounds;
        var samples = new Dictionary<string, List<double>>();
        for (int round = 0; round <= rounds; round++)
        {
            // The first round fills the page cache, and is thrown away.
            options.Say(round == 0 ? "warming up" : $"round {round} of {rounds}");
            for (int i = 0; i < targets.Length; i++)
            {
                (string name, string[] target) = targets[(round + i) % targets.Length];
                Measure(folder, name, target, (figure, value) =>
                {
                    if (round > 0)
                    {
                        (samples.TryGetValue(figure, out List<double>? values) ? values : samples[figure] = []).Add(value);
                    }
                });
            }
        }

        AddFigures(report, samples);
        report.Add("load_average_after", Machine.LoadAverage);
        report.Note("writes", "512 MiB in 4 KiB and 1 GiB in 64 KiB, queue depth 16, until the flush after the last one is answered; bare: by pwrite, one at a time");
        report.Note("warm", "each server writes 1 GiB unmeasured before its runs of a round");
        report.Note("burst", "96 MiB, no flush");
        report.Note("fsync", "after each 4 KiB write, queue depth 1; over NBD a FLUSH, on the bare image fdatasync, as QEMU does");
        report.Note("hikae", "the native sidecar's own server, writes held, an epoch sealed and committed each 100 ms as by a backup that answers at once; no guest");
        return report;
    }

    protected override void Measure(Lab lab, BenchmarkOptions options, Report report) => throw new NotSupportedException("no lab is needed");

    private static void Measure(DiskFolder folder, string name, string[] target, Action<string, double> add)
    {
        // What a server has not used for ten seconds it gives back to the host, whose memory is slow at its first touch: before each server's runs it works once unmeasured.
        Fio(SequentialWrites);
        add($"iops_4k_randwrite_{name}", Fio(RandomWrites).Iops);
        add($"mbps_64k_seqwrite_{name}", Fio(SequentialWrites).MegabytesPerSecond);
        add($"fsync_us_p50_{name}", Fio([.. Fsyncs, name == "bare" ? "--fdatasync=1" : "--fsync=1"]).SyncMicroseconds);
        add($"iops_4k_randwrite_burst_{name}", Fio(RandomBurst).Iops);
        add($"mbps_64k_seqwrite_burst_{name}", Fio(SequentialBurst).MegabytesPerSecond);

        FioRun Fio(string[] workload)
        {
            folder.Settle();
            return FioRun.Of(target, workload);
        }
    }

    private static void AddFigures(Report report, Dictionary<string, List<double>> samples)
    {
        (string Name, string Target)[] figures =
        [
            ("iops_4k_randwrite", ">= nbdkit"), ("mbps_64k_seqwrite", ">= 90 % of nbdkit"), ("fsync_us_p50", "< bare"),
            ("iops_4k_randwrite_burst", ""), ("mbps_64k_seqwrite_burst", ""),
        ];
        foreach ((string figure, string target) in figures)
        {
            foreach (string server in (string[])["hikae", "nbdkit", "bare"])
            {
                string name = $"{figure}_{server}";
                report.Add(Figure.Of(name, samples[name]) with { Target = server == "hikae" && target.Length > 0 ? target : null });
            }
        }
    }
}
