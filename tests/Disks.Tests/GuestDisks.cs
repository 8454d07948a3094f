// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Hikae.Harness.Labs;
using Hikae.Native.Libvirt;
using Hikae.Native.Linux;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Graph;
using Xunit;

namespace Hikae.Disks.Tests;

/// <summary>A running guest that checks its own disks, seen as the sidecar of its host sees it, with a server for each disk.</summary>
internal sealed partial class GuestDisks : IDisposable
{
    private readonly LabHost _host;
    private readonly GuestConnection _connection;
    private readonly Dictionary<string, OverlayServer> _servers = [];
    private readonly int _pid;
    private readonly IoThreads _ioThreads;
    private int _from;

    public GuestDisks(LabGuest guest, LabHost host)
    {
        Guest = guest;
        _host = host;
        _connection = new GuestConnection($"qemu+unix:///system?socket={host.PathOf("/run/libvirt/libvirt-sock")}", guest.Uuid);
        (_pid, CommandLine) = guest.QemuFromOutside(host);
        Monitor = new QemuMonitor(() => _connection.Domain);
        _ioThreads = new IoThreads(Monitor, _pid);
        StateFile = Path.Combine(guest.SharedFolder, $"{host.Name}-disks.json");
        Graph = NewGraph();
    }

    public LabGuest Guest { get; }

    public QemuMonitor Monitor { get; }

    public GuestConnection Connection => _connection;

    public BlockGraph Graph { get; private set; }

    public string StateFile { get; }

    public IReadOnlyList<string> CommandLine { get; }

    /// <summary>As a sidecar that is started after one was killed.</summary>
    /// <param name="calls">Monitor commands after which it is killed too; null = never.</param>
    public BlockGraph NewGraph(int? calls = null)
    {
        int left = calls ?? int.MaxValue;
        return Graph = new BlockGraph(
            new QemuMonitor(() => left-- > 0 ? _connection.Domain : throw new OperationCanceledException("killed")), () => _connection.Domain, CommandLine, StateFile) { FileRoot = _host.PathOf("") };
    }

    /// <summary>As if every disk had been plugged in while the guest ran.</summary>
    public IReadOnlyList<GuestDisk> DiscoverWithoutCommandLine() => new BlockGraph(Monitor, () => _connection.Domain, [], StateFile + ".none").Discover();

    public OverlayServer Serve(GuestDisk disk)
    {
        if (_servers.Remove(disk.Alias, out OverlayServer? old))
        {
            old.Dispose();
        }
        return _servers[disk.Alias] = new OverlayServer(Outside(SocketOf(disk)), Outside(disk.ImagePath), disk.ExportBytes, disk.Format == "qcow2");
    }

    public OverlayServer ServerOf(GuestDisk disk) => _servers[disk.Alias];

    public string SocketOf(GuestDisk disk) => $"/srv/shared/guests/{Guest.Name}/{_host.Name}-{disk.Alias}.sock";

    public void InsertAll(IReadOnlyList<GuestDisk> disks)
    {
        foreach (GuestDisk disk in disks)
        {
            Serve(disk);
            Graph.Insert(disk, SocketOf(disk));
        }
    }

    public void RemoveAll(IReadOnlyList<GuestDisk> disks)
    {
        foreach (GuestDisk disk in disks)
        {
            ServerOf(disk).PassThrough();
            Graph.Remove(disk);
        }
    }

    /// <summary>Runs it with the guest stopped. Gives what it gives.</summary>
    public T Stopped<T>(Func<T> work)
    {
        using (_ioThreads.BeforeOthers())
        {
            Monitor.Execute("stop");
        }
        T result = work();
        Monitor.Execute("cont");
        return result;
    }

    public void Stopped(Action work) => Stopped(() =>
    {
        work();
        return true;
    });

    /// <summary>Content of all images, as their files have it.</summary>
    public string[] ImageHashes(IReadOnlyList<GuestDisk> disks) => [.. disks.Select(disk =>
    {
        using FileStream file = File.Open(Outside(disk.ImagePath), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return Convert.ToHexString(SHA256.HashData(file));
    })];

    public long FileBytes(GuestDisk disk) => new FileInfo(Outside(disk.ImagePath)).Length;

    /// <summary>All nodes with the options that can be asked for.</summary>
    public string[] NodeOptions() => [.. QemuBlocks.ReadNodes(Monitor).Values
        .Select(node => $"{node.GetProperty("node-name")} {node.GetProperty("drv")} {node.GetProperty("file")} ro {node.GetProperty("ro")} {node.GetProperty("cache")} {node.GetProperty("detect_zeroes")}")
        .Order()];

    /// <summary>How QEMU's main thread and its I/O threads are scheduled, and on which processors they may run.</summary>
    public string[] Threads() => [.. Directory.EnumerateDirectories($"/proc/{_pid}/task")
        .Where(task => Path.GetFileName(task) == $"{_pid}" || NameOf(task).StartsWith("IO iothread", StringComparison.Ordinal))
        .Select(task => int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture))
        .Select(thread => $"{thread} {ThreadScheduling.Of(thread)} {string.Join(',', ThreadAffinity.Of(thread))}")];

    // Those of QEMU's pool come and go.
    private static string NameOf(string task)
    {
        try
        {
            return File.ReadAllText($"{task}/comm");
        }
        catch (IOException)
        {
            return "";
        }
    }

    /// <summary>The guest was reset: its numbers begin anew.</summary>
    public void WaitForRestart(int restarts = 1)
    {
        Guest.Lab.Until($"{Guest.Name} came up again", () => Regex.Count(Guest.SerialOn(_host), $"guest {Guest.Name} up") > restarts);
        _from = Guest.SerialOn(_host).LastIndexOf($"guest {Guest.Name} up", StringComparison.Ordinal);
    }

    /// <summary>Waits until every disk did <paramref name="operations"/> more, all of them right.</summary>
    public void WaitForGoodWork(int disks, long operations = 60)
    {
        Dictionary<string, long> before = Operations();
        Dictionary<string, long> now = before;
        Guest.Lab.Eventually(() => $"{disks} disks of {Guest.Name} did {operations} more operations than {Numbers(before)}: {Numbers(now)}; QEMU {RunState()}", () =>
        {
            now = Operations();
            return now.Count(disk => disk.Value >= before.GetValueOrDefault(disk.Key) + operations) >= disks ? now : null;
        });

        static string Numbers(Dictionary<string, long> operations) => string.Join(", ", operations.Select(disk => $"{disk.Key} {disk.Value}"));
    }

    // Not by our monitor, which may be what does not answer.
    private string RunState() => string.Join(
        '\n',
        [
            .. _servers.Select(server => $"{server.Key}: {server.Value.State}"),
            .. ((string[])["info status", "info block -v", "info iothreads"]).Select(ask =>
                _host.TryRun("timeout", "10", "virsh", "-q", "qemu-monitor-command", Guest.Name, "--hmp", ask).ToString()),
            _host.Shell($"for t in /proc/{Guest.QemuOn(_host)}/task/*; do echo $(cat $t/comm $t/wchan $t/syscall | cut -c1-40); done"),
        ]);

    /// <summary>The guest ends with its servers: QEMU would go on looking for them.</summary>
    public void Dispose()
    {
        _host.TryRun("virsh", "-q", "destroy", Guest.Name);
        _connection.Dispose();
        foreach (OverlayServer server in _servers.Values)
        {
            server.Dispose();
        }
    }

    /// <summary>Where a file of the shared storage is outside the lab.</summary>
    public string Outside(string path) => path.Replace("/srv/shared", Guest.Lab.SharedFolder, StringComparison.Ordinal);

    private Dictionary<string, long> Operations()
    {
        string serial = Guest.SerialOn(_host)[_from..];
        Assert.Null(serial.Split('\n').FirstOrDefault(line => line.StartsWith("blocks BAD", StringComparison.Ordinal)));
        var last = new Dictionary<string, long>();
        foreach (Match line in GoodLine().Matches(serial))
        {
            last[line.Groups["disk"].Value] = long.Parse(line.Groups["operations"].ValueSpan, CultureInfo.InvariantCulture);
        }
        return last;
    }

    [GeneratedRegex("^blocks ok (?<disk>\\S+) ops (?<operations>\\d+) .*$", RegexOptions.Multiline)]
    private static partial Regex GoodLine();
}
