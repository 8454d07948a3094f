// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Text;
using Hikae.Bench.Benchmarks;
using Hikae.Bench.Colo;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Loads;

/// <summary>A Debian guest on the lab's first host that runs loads, and says on its serial console when one begins and ends: the clock outside counts.</summary>
internal sealed class LoadGuest
{
    /// <summary>Of the file that gzip reads, in its root directory.</summary>
    public const string FileName = "load";

    private const string Name = "loads";
    private const int MemoryMiB = 4096;

    // Left to the guest while all other memory is filled once.
    private const int SpareMiB = 400;

    // The recipe's is half as large; beside the file PostMark needs room.
    private const long DiskBytes = 8L << 30;

    private static readonly TimeSpan LoadLimit = TimeSpan.FromHours(1);
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(20);

    private readonly Lab _lab;
    private int _marks;

    private LoadGuest(Lab lab, LabGuest guest)
    {
        _lab = lab;
        Guest = guest;
    }

    /// <summary>In words, for a report.</summary>
    public static string Description => $"Debian 13, {MemoryMiB} MiB, 1 virtual processor, agent on, outputs held when protected";

    /// <summary>For whatever takes long on a machine like this.</summary>
    public static TimeSpan Limit { get; } = TimeSpan.FromMinutes(15);

    public LabGuest Guest { get; }

    /// <summary>Makes it, with its file, and does not start it.</summary>
    public static LoadGuest Make(Lab lab, BenchmarkOptions options)
    {
        int fileMiB = Load.FileMiB(options.Scale);
        options.Say($"making the guest, with a file of {fileMiB} MiB on its disk");
        LabGuest guest = lab.Guest(Name, new LabGuestOptions { Debian = true, With = "workloads", MemoryMiB = MemoryMiB, Nic = true, Agent = true, App = "idle" });
        string image = Path.Combine(guest.SharedFolder, "disk.raw");
        using (FileStream disk = File.OpenWrite(image))
        {
            disk.SetLength(DiskBytes);
        }
        lab.Client("e2fsck", "-fp", image);
        lab.Client("resize2fs", image);
        string file = Path.Combine(lab.SharedFolder, FileName);
        MakeFile(file, fileMiB);
        GuestImage.Put(lab, image, file, FileName);
        File.Delete(file);
        return new LoadGuest(lab, guest);
    }

    /// <summary>Starts it, or starts it anew: a guest that was never protected, and that had all of its memory in use once.</summary>
    /// <remarks>
    /// A guest that was protected is another one: its host's huge pages are split, which for some machines makes it half as fast. And in a new one the first load would pay for
    /// memory that the host gives it for the first time.
    /// </remarks>
    public void Restart()
    {
        if (Guest.StateOn(_lab.HostA) == "running")
        {
            Guest.Run("sync");
            _lab.HostA.Virsh("destroy", Name);
        }
        int ups = Ups();
        Guest.Start(_lab.HostA);
        Waiting.Until($"{Name} is up", Limit, () => Ups() > ups, _lab.Logs);
        Guest.Run(
            $"mkdir -p /run/fill && mount -t tmpfs -o size=100% fill /run/fill && dd if=/dev/zero of=/run/fill/all bs=1M count=$(($(awk '/MemAvailable/ {{ print $2 }}' /proc/meminfo) / 1024 - {SpareMiB})) 2>&1"
            + " && umount /run/fill");
    }

    /// <summary>Everything begins with what is on the disk, and nothing in the cache.</summary>
    public void Prepare(Load load) => Guest.Run($"({load.Prepare}) && sync && echo 3 >/proc/sys/vm/drop_caches");

    /// <summary>Prepares a load, rests, and runs it; returns how long it took.</summary>
    public double SecondsAfterRest(Load load)
    {
        Prepare(load);
        Thread.Sleep(Rest);
        return Seconds(load);
    }

    /// <summary>Runs a load and returns how long it took.</summary>
    public double Seconds(Load load)
    {
        int mark = ++_marks;
        // Marks on the console cost the guest nothing while the load runs, and are not held.
        string script = $"echo load {mark} begins >/dev/ttyS0; ({load.Command}) >/run/load.log 2>&1; echo load {mark} ends $? >/dev/ttyS0";
        Guest.Run($"nohup setsid sh -c '{script}' >/dev/null 2>&1 &");
        SeeMark($"load {mark} begins", Limit);
        long started = Stopwatch.GetTimestamp();
        string rest = SeeMark($"load {mark} ends ", LoadLimit);
        TimeSpan took = Stopwatch.GetElapsedTime(started);
        return rest.StartsWith('0') ? took.TotalSeconds : throw new LabException($"{load.Name} failed in the guest:\n{Guest.Run("tail -n 20 /run/load.log")}");
    }

    private int Ups() => Guest.SerialOn(_lab.HostA).Split(ColoPair.UpMark).Length - 1;

    // What stands after the mark on its line.
    private string SeeMark(string mark, TimeSpan longest)
    {
        for (long started = Stopwatch.GetTimestamp(); ; Thread.Sleep(BetweenLooks))
        {
            string serial = Guest.SerialOn(_lab.HostA);
            int at = serial.IndexOf(mark, StringComparison.Ordinal);
            if (at >= 0 && serial.IndexOf('\n', at) is >= 0 and int end)
            {
                return serial[(at + mark.Length)..end];
            }
            if (Stopwatch.GetElapsedTime(started) > longest)
            {
                throw new LabException($"Within {longest.TotalSeconds} s not on the console: {mark}\n{_lab.Logs()}");
            }
        }
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
}
