// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Hikae.Harness;
using Hikae.Native.Linux.Systemd;
using Hikae.Native.Linux;
using Hikae.Protocol.Control;
using Xunit;

namespace Hikae.Host.Tests;

/// <summary>The natively compiled hikaed as a process of its own.</summary>
public sealed class PublishedDaemonTests : IDisposable
{
    private const int SIGTERM = 15;

    private readonly string _root = Directory.CreateTempSubdirectory("hikaed-").FullName;

    private string ControlSocket => Path.Combine(_root, "run", "hikaed.sock");

    [Fact]
    public async Task It_starts_without_libvirt_says_it_is_ready_and_ends_when_told()
    {
        using Socket notifications = Notifications();
        using Process daemon = Start("[link]\nport = 26520\nlisten = 127.0.0.1\n");
        Assert.Equal("READY=1", await NextAsync(notifications));
        using (var command = new FakeSidecar(ControlSocket))
        {
            Assert.Empty(await command.QueryAsync());
        }

        using (PidFd process = PidFd.Open(daemon.Id))
        {
            process.Kill(SIGTERM);
        }
        await daemon.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, daemon.ExitCode);
        Assert.Equal("STOPPING=1", await NextAsync(notifications));
    }

    [Fact]
    public async Task After_a_kill_the_next_one_takes_the_sidecars_back()
    {
        using Socket notifications = Notifications();
        const string config = "[link]\nport = 26521\nlisten = 127.0.0.1\n";
        var uuid = Guid.NewGuid();
        using (Process first = Start(config))
        {
            await NextAsync(notifications);
            using FakeSidecar sidecar = FakeSidecar.Register(ControlSocket, uuid, GuestRole.Primary);
            first.Kill();
            await sidecar.ClosedAsync();
            await first.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        using Process second = Start(config);
        await NextAsync(notifications);
        using FakeSidecar again = FakeSidecar.Register(ControlSocket, uuid, GuestRole.Primary);
        again.Send(new Status(FakeSidecar.StatusOf(uuid, GuestRole.Primary, GuestState.Protected)));
        using var command = new FakeSidecar(ControlSocket);

        IReadOnlyList<GuestStatus> all = [];
        await Eventually.TrueAsync(() => all.Count == 1, "the sidecar's status", () => all = command.QueryAsync().GetAwaiter().GetResult());
        second.Kill();
        await second.WaitForExitAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_wrong_configuration_is_shown_and_nothing_starts()
    {
        using Process daemon = Start("[link]\nprot = 1\n");
        string error = await daemon.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await daemon.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(78, daemon.ExitCode);
        Assert.Contains("hikae.conf:2", error, StringComparison.Ordinal);
        Assert.Contains("port", error, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private static async Task<string> NextAsync(Socket notifications)
    {
        byte[] buffer = new byte[256];
        int received = await Eventually.WithinAsync(notifications.ReceiveAsync(buffer.AsMemory()).AsTask());
        return Encoding.UTF8.GetString(buffer, 0, received);
    }

    private Socket Notifications()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(Path.Combine(_root, "notify")));
        return socket;
    }

    private Process Start(string configuration)
    {
        string file = Path.Combine(_root, "hikae.conf");
        File.WriteAllText(file, configuration);
        var start = new ProcessStartInfo(
            PublishedProgram.PathOf("hikaed", "Host", "Native", "Protocol"),
            ["--config", file, "--run-dir", Path.Combine(_root, "run"), "--connect", "qemu+unix:///system?socket=/nonexistent"])
        {
            RedirectStandardError = true,
        };
        start.Environment[ServiceNotification.Variable] = Path.Combine(_root, "notify");
        return Process.Start(start)!;
    }
}
