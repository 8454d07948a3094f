// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using Hikae.Bench.Figures;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>Time from a power cut of the primary to the guest's next word to a client on the network, for a small and a large guest.</summary>
/// <remarks>
/// The guest says its count each 20 ms. Three eighths of its memory are filled with bytes that do not compress before the cut, so
/// that its size is more than a number in its XML.
/// </remarks>
internal sealed class FailoverBenchmark : Benchmark
{
    private const int SmallMiB = 512;
    private const int LargeMiB = 4096;
    private const int FillPieceMiB = 32;

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    // After a replica is complete the guest is watched for a moment, so that ordinary checkpoints precede the cut.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(5);

    public override string Name => "failover";

    public override string Summary => "from a power cut of the primary to the guest's next packet, 512 MiB and 4 GiB";

    /// <summary>All defaults: detection is part of what is measured.</summary>
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>();

    protected override void Measure(Lab lab, BenchmarkOptions options, Report report)
    {
        FailoverTimes[] small = Runs(lab, options, SmallMiB, options.Runs ?? 5);
        FailoverTimes[] large = Runs(lab, options, LargeMiB, options.Runs ?? 3);
        Figure smallOutage = Figure.Of("failover_ms_512mib", small.Select(run => run.OutageMs));
        Figure largeOutage = Figure.Of("failover_ms_4gib", large.Select(run => run.OutageMs));
        report.Add(smallOutage with { Target = "<= 1500" });
        report.Add(largeOutage with { Target = $"<= {1.2 * smallOutage.Value:0} (20 % more)" });
        report.Add("ratio_4gib_to_512mib", largeOutage.Value / smallOutage.Value, "<= 1.2");
        AddSteps(report, "512mib", small);
        AddSteps(report, "4gib", large);
        report.Add("runs_512mib", small.Length);
        report.Add("runs_4gib", large.Length);
        report.Note("sample", "from the moment the primary's links were cut to the arrival of the guest's next datagram at the client on the LAN");
        report.Note("guest", "1 virtual processor, a datagram each 20 ms, three eighths of its memory full of random bytes, outputs unheld; detect_ms 500 (the default)");
    }

    private static void AddSteps(Report report, string size, FailoverTimes[] runs)
    {
        foreach (string step in runs[0].Steps.Select(step => step.Name))
        {
            report.Add(Figure.Of($"{step}_ms_{size}", runs.SelectMany(run => run.Steps.Where(other => other.Name == step)).Select(other => other.Ms)));
        }
    }

    private static FailoverTimes[] Runs(Lab lab, BenchmarkOptions options, int memoryMiB, int runs)
    {
        var times = new List<FailoverTimes>();
        for (int run = 1; run <= runs; run++)
        {
            options.Say($"{memoryMiB} MiB, run {run} of {runs}");
            times.Add(RunOnce(lab, options, $"g{memoryMiB}-{run}", memoryMiB));
            options.Say($"{times[^1].OutageMs:0} ms: {string.Join(", ", times[^1].Steps.Select(step => $"{step.Name} {step.Ms:0}"))}");
        }
        return [.. times];
    }

    private static FailoverTimes RunOnce(Lab lab, BenchmarkOptions options, string name, int memoryMiB)
    {
        LabGuest guest = lab.StartGuest(name, new LabGuestOptions
        {
            MemoryMiB = memoryMiB, Nic = true, Protect = lab.HostB.Name, Outputs = "unheld",
        });
        using GuestListener listener = guest.Listen();
        listener.WaitForProgress();
        guest.Run(
            $"dd if=/dev/urandom of=/piece bs=1M count={FillPieceMiB}; for i in $(seq {(memoryMiB * 3 / 8 / FillPieceMiB) - 1}); do cat /piece; done >/fill");
        options.Say("filled, waiting for the replica");
        Waiting.UntilProtected(lab, lab.HostA, name);
        UntilReplicaFollows(lab, name);
        Thread.Sleep(Settling);

        DateTimeOffset cutAt = lab.HostA.Kill();
        long cutMs = MonotonicMs(cutAt);
        // A datagram of the last moment may be on its way through the listener; nothing recovers this fast.
        GuestLine? next = null;
        Waiting.Until(
            $"{name} speaks again",
            Longest,
            () => (next = listener.Lines.FirstOrDefault(line => line.ArrivalMs > cutMs + 50)) is not null,
            lab.Logs);
        options.Say($"before: {listener.Lines.Last(line => line.ArrivalMs <= cutMs + 50).Text.TrimEnd()}, after: {next!.Text.TrimEnd()}");
        FailoverTimes times = FailoverTimes.Read(lab.HostB, guest, cutAt, next.ArrivalMs - cutMs);

        lab.HostB.TryRun("virsh", "-q", "destroy", name);
        Directory.Delete(guest.SharedFolder, recursive: true);
        lab.HostA.Boot();
        return times;
    }

    private static void UntilReplicaFollows(Lab lab, string name)
    {
        ulong Epoch() => GuestStatusReader.Read(lab.HostA, name).GetProperty("epoch").GetUInt64();
        ulong before = Epoch();
        Waiting.Until($"the replica of {name} follows", TimeSpan.FromMinutes(5), () => Epoch() >= before + 3, lab.Logs);
    }

    // The listener's clock: CLOCK_MONOTONIC, which is also Stopwatch's.
    private static long MonotonicMs(DateTimeOffset moment)
    {
        double agoMs = (DateTimeOffset.UtcNow - moment).TotalMilliseconds;
        return (long)((Stopwatch.GetTimestamp() * 1000.0 / Stopwatch.Frequency) - agoMs);
    }
}
