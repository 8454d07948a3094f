// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using Hikae.Bench.Figures;
using Hikae.Bench.Measuring;
using Hikae.Harness.Clients;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>How long a client on the LAN waits for a guest whose packets wait for their checkpoint, beside one whose packets do not.</summary>
/// <remarks>Both guests run on the same host and are asked in turn, so that whatever else the machine does meets both.</remarks>
internal sealed class LatencyBenchmark : Benchmark
{
    // In a row to one guest, so that requests follow each other as a busy client's do.
    private const int RequestsInARow = 20;

    private const int FsyncSeconds = 2;

    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(5);

    public override string Name => "latency";

    public override string Summary => "ping, TCP requests and fsync of a protected guest beside an unprotected one";

    protected override void Measure(Lab lab, BenchmarkOptions options, Report report)
    {
        var shape = new LabGuestOptions { MemoryMiB = 256, Nic = true, Disk = "64M" };
        LabGuest bare = lab.StartGuest("bare", shape);
        LabGuest guarded = lab.StartGuest("protected", shape with { Protect = lab.HostB.Name });
        bare.WaitForProgressOn(lab.HostA);
        guarded.WaitForProgressOn(lab.HostA);
        Waiting.UntilProtected(lab, lab.HostA, guarded.Name);
        Thread.Sleep(Settling);

        options.Say($"pings for {options.Seconds / 3} s");
        (List<double> guardedPings, List<double> barePings) = Pings(guarded, bare, options.Window / 3);
        options.Say($"requests for {options.Seconds / 3} s");
        (List<double> guardedRequests, List<double> bareRequests) = Requests(guarded, bare, options.Window / 3);
        options.Say($"fsyncs for {options.Seconds / 3} s");
        var (guardedFsyncs, bareFsyncs) = (new List<double>(), new List<double>());
        for (int run = 0; run < Math.Max(1, options.Seconds / 3 / (2 * FsyncSeconds)); run++)
        {
            guardedFsyncs.Add(FsyncMicroseconds(guarded));
            bareFsyncs.Add(FsyncMicroseconds(bare));
        }

        Add(report, "ping_ms", guardedPings, barePings);
        Add(report, "request_ms", guardedRequests, bareRequests);
        report.Add(Figure.Of("guest_fsync_us_p50_protected", guardedFsyncs) with { Target = "< bare" });
        report.Add(Figure.Of("guest_fsync_us_p50_bare", bareFsyncs));
        report.Add("pause_ms_p50", GuestStatusReader.Read(lab.HostA, guarded.Name).GetProperty("pauseMsP50").GetDouble());
        report.Add("pings", guardedPings.Count);
        report.Add("requests", guardedRequests.Count);
        report.Note("guest", "256 MiB, 1 virtual processor, sends a datagram each 20 ms besides; min_interval_ms 20 (the default)");
        report.Note("ping", "one to each guest in turn, then 10 to 60 ms of silence");
        report.Note("fsync", $"fdatasync after a 4 KiB overwrite of a file on the guest's ext4 disk, by the guest's clock; {FsyncSeconds} s in each guest in turn; the disks are raw files");
        report.Note("request", $"a line each way on one TCP connection, the next as soon as the answer is there, {RequestsInARow} to each guest in turn");
    }

    private static double FsyncMicroseconds(LabGuest guest)
    {
        string[] words = guest.Run($"/run/hikae-lab/fsync /data/probe {FsyncSeconds}").Split(' ');
        return double.Parse(words[1], CultureInfo.InvariantCulture);
    }

    private static (List<double> Guarded, List<double> Bare) Pings(LabGuest guarded, LabGuest bare, TimeSpan window)
    {
        using var toGuarded = new Echo(guarded);
        using var toBare = new Echo(bare);

        // The first answers wait for addresses to be resolved.
        toGuarded.Ask();
        toBare.Ask();
        var result = (Guarded: new List<double>(), Bare: new List<double>());
        for (long started = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(started) < window;)
        {
            result.Guarded.Add(toGuarded.Ask().TotalMilliseconds);
            result.Bare.Add(toBare.Ask().TotalMilliseconds);
            Thread.Sleep(Random.Shared.Next(10, 61));
        }
        return result;
    }

    private static (List<double> Guarded, List<double> Bare) Requests(LabGuest guarded, LabGuest bare, TimeSpan window)
    {
        using CounterClient toGuarded = CounterClient.Connect(guarded);
        using CounterClient toBare = CounterClient.Connect(bare);
        var result = (Guarded: new List<double>(), Bare: new List<double>());
        for (long started = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(started) < window;)
        {
            for (int i = 0; i < RequestsInARow; i++)
            {
                result.Guarded.Add(toGuarded.Ask().Took.TotalMilliseconds);
            }
            for (int i = 0; i < RequestsInARow; i++)
            {
                result.Bare.Add(toBare.Ask().Took.TotalMilliseconds);
            }
        }
        return result;
    }

    private static void Add(Report report, string name, List<double> guarded, List<double> bare)
    {
        report.Add($"{name}_p50_protected", Figure.Percentile(guarded, 0.5));
        report.Add($"{name}_p50_bare", Figure.Percentile(bare, 0.5));
        report.Add($"{name}_p99_protected", Figure.Percentile(guarded, 0.99));
        report.Add($"{name}_p99_bare", Figure.Percentile(bare, 0.99));
    }
}
