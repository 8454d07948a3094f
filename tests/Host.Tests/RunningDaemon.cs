// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net;
using System.Net.Sockets;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Ownership;
using Hikae.Protocol.Replication;

namespace Hikae.Host.Tests;

/// <summary>hikaed in this process: a run directory and an arbiter of its own, libvirt's test driver, any free port.</summary>
internal sealed class RunningDaemon : IAsyncDisposable
{
    public const string HostName = "here";

    private readonly CancellationTokenSource _ending = new();
    private readonly Task _running;

    private RunningDaemon(TimeProvider clock, string libvirtUri, Func<HikaeConfiguration, HikaeConfiguration> configure)
    {
        Root = Directory.CreateTempSubdirectory("hikaed-").FullName;
        Directory.CreateDirectory(Path.Combine(Root, "arbiter"));
        Options = new HostOptions { RunDirectory = Path.Combine(Root, "run"), LibvirtUri = libvirtUri, LibvirtState = Path.Combine(Root, "libvirt") };
        Arbiter = new SharedDirectoryArbiter(Path.Combine(Root, "arbiter"));
        Daemon = new HostDaemon(
            Options,
            configure(new HikaeConfiguration
            {
                HostName = HostName,
                Link = new LinkConfiguration { Listen = "127.0.0.1", Port = 0 },
                Arbiter = new ArbiterConfiguration { Directory = Path.Combine(Root, "arbiter") },
                Metrics = new MetricsConfiguration { Listen = new IPEndPoint(IPAddress.Loopback, 0) },
            }),
            clock,
            Log)
        { Launcher = Launcher };
        var ready = new TaskCompletionSource();
        Ready = ready.Task;
        _running = Daemon.RunAsync(ready.SetResult, _ending.Token);
    }

    public string Root { get; }

    public HostOptions Options { get; }

    public HostDaemon Daemon { get; }

    public FakeLauncher Launcher { get; } = new();

    public LogLines Log { get; } = new();

    public SharedDirectoryArbiter Arbiter { get; }

    private Task Ready { get; }

    /// <param name="clock">Null: the system's.</param>
    /// <param name="libvirtUri">By default one that nobody answers.</param>
    /// <param name="configure">What this test's hikae.conf says otherwise.</param>
    public static async Task<RunningDaemon> StartAsync(
        TimeProvider? clock = null, string libvirtUri = "qemu+unix:///system?socket=/nonexistent", Func<HikaeConfiguration, HikaeConfiguration>? configure = null)
    {
        var daemon = new RunningDaemon(clock ?? TimeProvider.System, libvirtUri, configure ?? (static configuration => configuration));
        await await Task.WhenAny(daemon.Ready, daemon._running);
        return daemon;
    }

    public FakeSidecar Connect() => new(Options.ControlSocket);

    /// <summary>A primary far away: connected, and the preamble sent unless null.</summary>
    public async Task<Socket> LinkAsync(Guid? guest)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, Daemon.LinkEndPoint!.Port));
        if (guest is Guid uuid)
        {
            byte[] preamble = new byte[Preamble.Bytes];
            Preamble.Write(preamble, uuid);
            await socket.SendAsync(preamble);
        }
        return socket;
    }

    /// <summary>0 when the other end has closed or reset the connection.</summary>
    public static async Task<int> ReceiveAsync(Socket socket, byte[] buffer)
    {
        try
        {
            return await Eventually.WithinAsync(socket.ReceiveAsync(buffer.AsMemory()).AsTask());
        }
        catch (SocketException)
        {
            return 0;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _running.ContinueWith(static _ => { }, TaskScheduler.Default);
        _ending.Dispose();
        Directory.Delete(Root, recursive: true);
    }
}
