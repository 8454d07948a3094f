// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Hikae.Bench.Colo;
using Hikae.Bench.Figures;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>
/// How much longer a guest takes for PostMark, gzip and a compilation while it is protected, and how much memory its backup saves meanwhile. The second figure of the
/// paper on backup VM consolidation.
/// </summary>
internal sealed class PaperOverheadBenchmark : Benchmark
{
    private const string Guest = "loads";
    private const int MemoryMiB = 4096;
    private const int DefaultRuns = 3;
    private const double PageBytes = 4096;

    // The recipe's is half as large; beside the file PostMark needs room.
    private const long DiskBytes = 8L << 30;

    // Of the 134 of lib/ and mm/ that a tinyconfig compiles.
    private const int FullObjects = 24;
    private const int FullFileMiB = 2048;
    private const int FullPostmarkFiles = 4000;
    private const int PostmarkLowBytes = 4096;
    private const int PostmarkHighBytes = 1 << 20;

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan LoadLimit = TimeSpan.FromHours(1);
    private static readonly TimeSpan StatusLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(5);

    private int _marks;

    public override string Name => "paper-overhead";

    public override string Summary => "PostMark, gzip and a compilation in a 4 GiB Debian guest: how much slower when protected, how much memory the backup saves";

    // The disk is looked through before a load begins, and as fast as it goes.
    protected override IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["link.detect_ms"] = "10000", ["arbiter.lease_ms"] = "20000", ["soft.on_disk"] = "yes", ["soft.scan_mib_s"] = "1024",
    };

    protected override void Measure(Lab lab, BenchmarkOptions options, Report report)
    {
        int fileMiB = Scaled(FullFileMiB, options);
        options.Say($"making the guest, with a file of {fileMiB} MiB on its disk");
        LabGuest guest = MakeGuest(lab, fileMiB);
        guest.Start(lab.HostA);
        Waiting.Until($"{Guest} is up", Limit, () => guest.SerialOn(lab.HostA).Contains(ColoPair.UpMark, StringComparison.Ordinal), lab.Logs);

        foreach (Load load in Loads(options, fileMiB))
        {
            var bare = new List<double>();
            var guarded = new List<double>();
            var saved = new List<Saved>();
            for (int run = 1; run <= (options.Runs ?? DefaultRuns); run++)
            {
                options.Say($"{load.Name}, run {run}, not protected");
                Prepare(guest, load);
                Thread.Sleep(Rest);
                bare.Add(Seconds(lab, guest, load));

                options.Say($"{bare[^1]:0.0} s; protecting");
                lab.HostA.Hikae("enable", Guest, "--backup", lab.HostB.Name);
                Waiting.UntilProtected(lab, lab.HostA, Guest, Limit);
                Prepare(guest, load);
                Waiting.Until("the disk is looked through and the replica stays as it is", Limit, () => ReplicaWatch.IsSettled(lab.HostA, lab.HostB, Guest), lab.Logs);
                options.Say($"{load.Name}, run {run}, protected");
                guarded.Add(Seconds(lab, guest, load));
                saved.Add(ReadSaved(lab));
                if (GuestStatusReader.State(Status(lab, lab.HostA)) != "protected")
                {
                    throw new LabException($"{Guest} was not protected at the load's end.\n{lab.Logs()}");
                }
                options.Say($"{guarded[^1]:0.0} s, {saved[^1]}");
                lab.HostA.Hikae("disable", Guest);
                Waiting.Until("both sidecars have gone", Limit, () => guest.SidecarOn(lab.HostA) is null && guest.SidecarOn(lab.HostB) is null, lab.Logs);
            }
            Figure bareSeconds = Figure.Of("bare_seconds", bare);
            Figure guardedSeconds = Figure.Of("protected_seconds", guarded);
            report.AddRow(
                "loads",
                Figure.OfText("load", load.Name),
                bareSeconds,
                guardedSeconds,
                new Figure("slowdown_percent", 100 * ((guardedSeconds.Value / bareSeconds.Value) - 1)),
                new Figure("paper_slowdown_percent", load.PaperSlowdownPercent),
                Figure.Of("saved_bytes", saved.Select(pages => (pages.Free + pages.OnDisk) * PageBytes)),
                Figure.Of("saved_on_disk_bytes", saved.Select(pages => pages.OnDisk * PageBytes)),
                Figure.Of("zero_bytes", saved.Select(pages => pages.Zero * PageBytes)),
                Figure.Of("kept_bytes", saved.Select(pages => pages.KeptBytes)),
                new Figure("paper_saved_bytes", load.PaperSavedMB * 1e6));
            report.Note(load.Name, load.Size);
        }
        report.Add("scale", options.Scale);
        report.Add("runs_each", options.Runs ?? DefaultRuns);
        report.Note("guest", $"Debian 13, {MemoryMiB} MiB, 1 virtual processor, agent on, outputs held; the same guest protected and not, in turn; its page cache dropped before each run, "
            + "its disk looked through before each that is protected");
        report.Note("seconds", "from the guest's line on its serial console when a load begins to the one when it ends, by the clock outside");
        report.Note("saved_bytes", "4096 times the pages (softPages of hikae status on the backup, free and onDisk) that the backup does not keep when the load ends: free by the guest's agent, or found on its disk; "
            + "pages of zeros are not among them, they are zero_bytes. Memory that an earlier run filled and that was free again is");
        report.Note("saved_on_disk_bytes", "of these the ones found on the disk");
        report.Note("kept_bytes", "what the backup has of the guest's memory at that moment, compressed");
        report.Note("paper", "saved 1416, 1242 and 237 MB; 33.3, 10.2 and 20.1 % slower than under its Kemari, which is a protected guest, too. Slow-down here is against the guest unprotected; the goal is 8 %");
    }

    private static Load[] Loads(BenchmarkOptions options, int fileMiB)
    {
        int files = Scaled(FullPostmarkFiles, options);
        int objects = Scaled(FullObjects, options);
        // As many, evenly spread over the whole list.
        string list = $"awk -v all=$(wc -l <objects) \"int(NR * {objects} / all) > int((NR - 1) * {objects} / all)\" objects";
        string postmark = $"set location /var/tmp/postmark\\nset number {files}\\nset transactions {files}\\nset size {PostmarkLowBytes} {PostmarkHighBytes}\\nrun\\nquit\\n";
        return
        [
            new Load("postmark", "rm -rf /var/tmp/postmark && mkdir /var/tmp/postmark", $"printf \"{postmark}\" | postmark", 33.3, 1416)
            {
                Size = $"{files} files of {PostmarkLowBytes} to {PostmarkHighBytes} bytes, {files} transactions",
            },
            new Load("gzip", ":", "gzip -1 </load >/dev/null", 10.2, 1242) { Size = $"{fileMiB} MiB, each second MiB text, the others noise; gzip -1 to nowhere" },
            new Load("make", $"cd /usr/src/linux && {list} | xargs rm -f", $"cd /usr/src/linux && make -s $({list})", 20.1, 237)
            {
                Size = $"{objects} objects of lib/ and mm/ of Linux 6.12, tinyconfig",
            },
        ];
    }

    private static int Scaled(int full, BenchmarkOptions options) => Math.Max(1, (int)(full * options.Scale));

    // Everything begins with what is on the disk, and nothing in the cache.
    private static void Prepare(LabGuest guest, Load load) => guest.Run($"({load.Prepare}) && sync && echo 3 >/proc/sys/vm/drop_caches");

    // Marks on the console cost the guest nothing while the load runs, and are not held.
    private double Seconds(Lab lab, LabGuest guest, Load load)
    {
        int mark = ++_marks;
        string script = $"echo load {mark} begins >/dev/ttyS0; ({load.Command}) >/run/load.log 2>&1; echo load {mark} ends $? >/dev/ttyS0";
        guest.Run($"nohup setsid sh -c '{script}' >/dev/null 2>&1 &");
        SeeMark(lab, guest, $"load {mark} begins", Limit);
        long started = Stopwatch.GetTimestamp();
        string rest = SeeMark(lab, guest, $"load {mark} ends ", LoadLimit);
        TimeSpan took = Stopwatch.GetElapsedTime(started);
        return rest.StartsWith('0') ? took.TotalSeconds : throw new LabException($"{load.Name} failed in the guest:\n{guest.Run("tail -n 20 /run/load.log")}");
    }

    // What stands after the mark on its line.
    private static string SeeMark(Lab lab, LabGuest guest, string mark, TimeSpan longest)
    {
        for (long started = Stopwatch.GetTimestamp(); ; Thread.Sleep(BetweenLooks))
        {
            string serial = guest.SerialOn(lab.HostA);
            int at = serial.IndexOf(mark, StringComparison.Ordinal);
            if (at >= 0 && serial.IndexOf('\n', at) is >= 0 and int end)
            {
                return serial[(at + mark.Length)..end];
            }
            if (Stopwatch.GetElapsedTime(started) > longest)
            {
                throw new LabException($"Within {longest.TotalSeconds} s not on the console: {mark}\n{lab.Logs()}");
            }
        }
    }

    private static Saved ReadSaved(Lab lab)
    {
        JsonElement status = Status(lab, lab.HostB);
        JsonElement soft = status.GetProperty("softPages");
        return new Saved(soft.GetProperty("free").GetInt64(), soft.GetProperty("onDisk").GetInt64(), soft.GetProperty("zero").GetInt64(), status.GetProperty("backupBytes").GetInt64());
    }

    // A daemon on a busy machine may have heard nothing for a moment.
    private static JsonElement Status(Lab lab, LabHost host)
    {
        JsonElement? status = null;
        Waiting.Until($"{host.Name} knows {Guest}", StatusLimit, () => (status = GuestStatusReader.TryRead(host, Guest)) is not null, lab.Logs);
        return status!.Value;
    }

    private static LabGuest MakeGuest(Lab lab, int fileMiB)
    {
        LabGuest guest = lab.Guest(Guest, new LabGuestOptions { Debian = true, With = "workloads", MemoryMiB = MemoryMiB, Nic = true, Agent = true, App = "idle" });
        string image = Path.Combine(guest.SharedFolder, "disk.raw");
        using (FileStream disk = File.OpenWrite(image))
        {
            disk.SetLength(DiskBytes);
        }
        lab.Client("e2fsck", "-fp", image);
        lab.Client("resize2fs", image);
        string file = Path.Combine(lab.SharedFolder, "load");
        MakeFile(file, fileMiB);
        GuestImage.Put(lab, image, file, "load");
        File.Delete(file);
        return guest;
    }

    private static void MakeFile(string path, int mebibytes)
    {
        var random = new Random(1);
        string[] words = [.. Enumerable.Range(0, 4000).Select(_ => string.Concat(Enumerable.Range(0, random.Next(2, 11)).Select(_ => (char)random.Next('a', 'z' + 1))))];
        using FileStream file = File.Create(path);
        byte[] noise = new byte[1 << 20];
        var text = new StringBuilder();
        for (int i = 0; i < mebibytes; i++)
        {
            if (i % 2 == 0)
            {
                random.NextBytes(noise);
                file.Write(noise);
                continue;
            }
            text.Clear();
            while (text.Length < noise.Length)
            {
                // Few words are used often, as in a language.
                text.Append(words[(int)(words.Length * Math.Pow(random.NextDouble(), 3))]).Append(random.Next(12) == 0 ? '\n' : ' ');
            }
            file.Write(Encoding.ASCII.GetBytes(text.ToString(0, noise.Length)));
        }
    }

    /// <summary>One load: a command before it that is not timed, and its own.</summary>
    private sealed record Load(string Name, string Prepare, string Command, double PaperSlowdownPercent, double PaperSavedMB)
    {
        public required string Size { get; init; }
    }

    /// <summary>Pages that the backup does not keep, and what it has of the others.</summary>
    private sealed record Saved(long Free, long OnDisk, long Zero, double KeptBytes);
}
