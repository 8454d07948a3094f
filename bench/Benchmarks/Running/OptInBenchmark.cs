// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Bench.Figures;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>Time from the annotation of a running guest to its protection, and what its clients notice of a sidecar that is killed.</summary>
/// <remarks>The guest has a disk and an interface, all held, and says its count each 20 ms: a held packet is silence, too.</remarks>
internal sealed class OptInBenchmark : Benchmark
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    // From before the kill until after everything it may cause.
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(1);

    public override string Name => "optin";

    public override string Summary => "from virsh metadata to protection; how long clients hear nothing when a sidecar is killed";

    protected override void Measure(Lab lab, BenchmarkOptions options, Report report)
    {
        LabGuest guest = lab.StartGuest("optin", new LabGuestOptions { MemoryMiB = 512, Nic = true, Agent = true, Disk = "64M" });
        using GuestListener listener = guest.Listen();
        listener.WaitForProgress();
        var started = new List<double>();
        var copying = new List<double>();
        var protectedAfter = new List<double>();
        var silence = new List<double>();
        var again = new List<double>();
        for (int run = 1; run <= (options.Runs ?? 5); run++)
        {
            options.Say($"run {run}: opting in");
            DateTimeOffset before = DateTimeOffset.UtcNow;
            lab.HostA.Virsh("metadata", guest.Name, "urn:hikae:domain:1", "--key", "hikae", "--set", $"<protect backup=\"{lab.HostB.Name}\"/>", "--live");
            protectedAfter.Add(MsUntil(lab, guest, " Protected", before));
            started.Add(MsUntil(lab, guest, "Started, pid", before));
            copying.Add(MsUntil(lab, guest, "the first checkpoint is on its way", before));

            options.Say("killing the sidecar");
            Thread.Sleep(Margin);
            int heard = listener.Lines.Count;
            before = DateTimeOffset.UtcNow;
            lab.HostA.Signal("KILL", guest.SidecarOn(lab.HostA)!.Value);
            again.Add(MsUntil(lab, guest, " Protected", before));
            Thread.Sleep(Margin);
            silence.Add(LongestSilence(listener, heard));
            options.Say($"protected after {protectedAfter[^1]:0} ms; silence {silence[^1]:0} ms, protected again after {again[^1]:0} ms");

            lab.HostA.Virsh("metadata", guest.Name, "urn:hikae:domain:1", "--remove", "--live");
            Waiting.Until("it is released", Longest, () => guest.SidecarOn(lab.HostA) is null && guest.SidecarOn(lab.HostB) is null, lab.Logs);
        }
        report.Add(Figure.Of("optin_ms", copying) with { Target = "<= 2000" });
        report.Add(Figure.Of("optin_to_sidecar_ms", started));
        report.Add(Figure.Of("optin_to_protected_ms", protectedAfter));
        report.Add(Figure.Of("killed_sidecar_silence_ms", silence) with { Target = "<= 1000" });
        report.Add(Figure.Of("killed_sidecar_to_protected_ms", again));
        report.Add("runs", silence.Count);
        report.Note("optin", "from virsh metadata --live to the first copy, after the backup has proven that it could run the guest");
        report.Note("silence", "longest time between two of the guest's datagrams, from the kill to a second after it is protected again; their own distance is 20 ms");
        report.Note("guest", "512 MiB, 1 virtual processor, a disk and an interface, both held");
    }

    private static double MsUntil(Lab lab, LabGuest guest, string text, DateTimeOffset before)
    {
        DateTimeOffset? at = null;
        Waiting.Until($"the log says \"{text}\"", Longest, () => (at = SidecarLogTimes.Last(lab.HostA, guest, text)) >= before, lab.Logs);
        return (at!.Value - before).TotalMilliseconds;
    }

    private static double LongestSilence(GuestListener listener, int heard)
    {
        GuestLine[] lines = [.. listener.Lines.Skip(heard - 1)];
        return lines.Zip(lines.Skip(1), (line, next) => (double)(next.ArrivalMs - line.ArrivalMs)).Max();
    }
}
