// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Hikae.Bench.Figures;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>How soon a guest is as fast as before its failover: it reads a file that lies in its page cache, again and again, with and without memory that comes before it is asked for.</summary>
/// <remarks>The backup keeps references to the guest's disk for the file's pages (soft.on_disk). "Without" is the slowest pace that can be set, 1 MiB/s.</remarks>
internal sealed class WarmBenchmark : Benchmark
{
    private const int MemoryMiB = 512;
    private const int HotMiB = 64;

    // A smaller ext4 has blocks of 1 KiB, and files that do not begin where pages could be compared.
    private const int DiskMiB = 768;

    private const int DefaultRuns = 3;
    private const int QuestionPort = 7000;
    private const double AsBefore = 0.9;

    // A second of it: a single slice may be fast while the next pages are missing.
    private const int SlicesInARow = 10;

    private static readonly TimeSpan Watched = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(4);
    private static readonly TimeSpan BetweenQuestions = TimeSpan.FromMilliseconds(10);

    public override string Name => "warm";

    public override string Summary => "after a failover: until the guest runs, answers, and reads its page cache as fast as before";

    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string> { ["soft.on_disk"] = "yes", ["soft.scan_mib_s"] = "1024" };

    public override Report Run(BenchmarkOptions options)
    {
        var report = new Report(Name);
        report.Note("machine", Machine.Description);
        report.Add("load_average_before", Machine.LoadAverage);
        WarmTimes[] with = Runs(options, "unlimited");
        WarmTimes[] without = Runs(options, "1");
        report.Add(Figure.Of("running_ms", with.Concat(without).Select(run => run.RunningMs)));
        report.Add(Figure.Of("first_answer_ms", with.Concat(without).Select(run => run.AnswerMs)));
        report.Add(Figure.Of("warm_ms_prefetch", with.Select(run => run.WarmMs)));
        report.Add(Figure.Of("warm_ms_no_prefetch", without.Select(run => run.WarmMs)));
        report.Add(Figure.Of("read_mb_s_before", with.Concat(without).Select(run => run.SpeedBefore)));
        report.Add(Figure.Of("on_disk_share", with.Concat(without).Select(run => run.OnDiskShare)));
        report.Add("runs_each", with.Length);
        report.Add("load_average_after", Machine.LoadAverage);
        report.Note("times", "from the power cut; detect_ms 500 (the default) is part of them");
        report.Note("warm", $"the first of {SlicesInARow} slices of 100 ms in which the guest reads at {AsBefore * 100:0} % of its median before, or faster");
        report.Note("guest", $"{MemoryMiB} MiB, 1 virtual processor, reads a file of {HotMiB} MiB on its ext4 disk again and again; outputs held; on_disk = yes");
        report.Note("share", "on_disk_share: pages that the backup reads from the disk, of the file's");
        return report;
    }

    protected override void Measure(Lab lab, BenchmarkOptions options, Report report) => throw new NotSupportedException("it needs two labs");

    private WarmTimes[] Runs(BenchmarkOptions options, string pace)
    {
        var settings = new Dictionary<string, string>(Settings) { ["backup.prefetch_mib_s"] = pace };
        using Lab lab = Lab.Up(Name, new LabOptions { Settings = settings });
        var runs = new List<WarmTimes>();
        for (int run = 1; run <= (options.Runs ?? DefaultRuns); run++)
        {
            options.Say($"prefetch {pace}, run {run}");
            runs.Add(RunOnce(lab, options, $"warm{run}"));
            options.Say($"{runs[^1]}");
        }
        return [.. runs];
    }

    private static WarmTimes RunOnce(Lab lab, BenchmarkOptions options, string name)
    {
        LabGuest guest = lab.StartGuest(name, new LabGuestOptions { MemoryMiB = MemoryMiB, Nic = true, Agent = true, Disk = $"{DiskMiB}M", App = "counter" });
        using GuestListener listener = guest.Listen();
        listener.WaitForProgress();
        guest.Run($"dd if=/dev/urandom of=/data/hot bs=1M count={HotMiB} 2>/dev/null; sync; echo 3 >/proc/sys/vm/drop_caches; cat /data/hot >/dev/null");
        string[] sink = guest.Run("sed 's/.*hikae.sink=\\([^ ]*\\).*hikae.port=\\([^ ]*\\).*/\\1 \\2/' /proc/cmdline").Trim().Split(' ');
        lab.HostA.Hikae("enable", name, "--backup", lab.HostB.Name);
        Waiting.UntilProtected(lab, lab.HostA, name);
        Waiting.Until("the disk is looked through and the replica stays as it is", Longest, () => ReplicaWatch.IsSettled(lab.HostA, lab.HostB, name), lab.Logs);
        long onDisk = GuestStatusReader.Read(lab.HostB, name).GetProperty("softPages").GetProperty("onDisk").GetInt64();
        guest.Run($"/run/hikae-lab/hot /data/hot {sink[0]} {sink[1]} >/dev/null 2>&1 &");
        Thread.Sleep(Watched);

        using var client = new Answers(guest);
        double before = Figure.Percentile([.. Slices(listener).Select(slice => slice.Speed)], 0.5);
        long cutMs = MonotonicMs(lab.HostA.Kill());
        WarmTimes? times = null;
        Waiting.Until($"{name} is warm", Longest, () => (times = Read(listener, client, cutMs, before)) is not null, lab.Logs);
        double running = (SidecarLogTimes.Last(lab.HostB, guest, "guest runs after")!.Value - DateTimeOffset.UtcNow).TotalMilliseconds + NowMs - cutMs;
        options.Say($"slices after: {string.Join(' ', Slices(listener).Where(slice => slice.AtMs > cutMs + 200).Take(40).Select(slice => slice.Speed.ToString("0", CultureInfo.InvariantCulture)))}");

        lab.HostB.TryRun("virsh", "-q", "destroy", name);
        Directory.Delete(guest.SharedFolder, recursive: true);
        lab.HostA.Boot();
        return times! with { RunningMs = running, OnDiskShare = Math.Min(1, onDisk * 4096.0 / (HotMiB << 20)) };
    }

    private static WarmTimes? Read(GuestListener listener, Answers client, long cutMs, double before)
    {
        // What was on its way when the power was cut may still arrive; nothing recovers this fast.
        (long AtMs, double Speed)[] after = [.. Slices(listener).Where(slice => slice.AtMs > cutMs + 200)];
        for (int i = 0; i + SlicesInARow <= after.Length; i++)
        {
            if (after.Skip(i).Take(SlicesInARow).All(slice => slice.Speed >= AsBefore * before) && client.FirstAfter(cutMs + 200) is long answer)
            {
                return new WarmTimes(0, answer - cutMs, after[i].AtMs - cutMs, before, 0);
            }
        }
        return null;
    }

    private static IEnumerable<(long AtMs, double Speed)> Slices(GuestListener listener) => listener.Lines
        .Where(line => line.Text.StartsWith("hot ", StringComparison.Ordinal))
        .Select(line => (line.ArrivalMs, double.Parse(line.Text.Split(' ')[1], CultureInfo.InvariantCulture)));

    private static double NowMs => Stopwatch.GetTimestamp() * 1000.0 / Stopwatch.Frequency;

    // The listener's clock: CLOCK_MONOTONIC, which is also Stopwatch's.
    private static long MonotonicMs(DateTimeOffset moment) => (long)(NowMs - (DateTimeOffset.UtcNow - moment).TotalMilliseconds);

    private sealed record WarmTimes(double RunningMs, double AnswerMs, double WarmMs, double SpeedBefore, double OnDiskShare);

    /// <summary>A client that asks the guest's counter by UDP all the time.</summary>
    private sealed class Answers : IDisposable
    {
        private readonly Socket _socket;
        private readonly Thread _asking;
        private readonly Lock _gate = new();
        private readonly List<long> _times = [];
        private volatile bool _ends;

        public Answers(LabGuest guest)
        {
            _socket = guest.Lab.ClientSocket(SocketType.Dgram, ProtocolType.Udp);
            _socket.Blocking = false;
            var address = new IPEndPoint(guest.Address, QuestionPort);
            _asking = new Thread(() => Ask(address)) { IsBackground = true, Name = "client" };
            _asking.Start();
        }

        public long? FirstAfter(long ms)
        {
            lock (_gate)
            {
                return _times.Cast<long?>().FirstOrDefault(time => time > ms);
            }
        }

        public void Dispose()
        {
            _ends = true;
            _asking.Join();
            _socket.Dispose();
        }

        private void Ask(IPEndPoint guest)
        {
            byte[] answer = new byte[256];
            while (!_ends)
            {
                try
                {
                    _socket.SendTo("?\n"u8, guest);
                    while (_socket.Available > 0)
                    {
                        _socket.Receive(answer);
                        lock (_gate)
                        {
                            _times.Add((long)NowMs);
                        }
                    }
                }
                catch (SocketException)
                {
                    // Nobody has the guest's address now.
                }
                Thread.Sleep(BetweenQuestions);
            }
        }
    }
}
