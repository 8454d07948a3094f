// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net;
using System.Net.Sockets;
using System.Text;
using Hikae.Host.Metrics;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Host.Tests.Metrics;

/// <summary>Real requests to hikaed's address for metrics.</summary>
public sealed class MetricsServerTests
{
    private const string Labels = """{guest="mail",uuid="7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00",role="primary"}""";

    private static readonly Guid Mail = new("7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00");

    [Fact]
    public async Task What_hikae_status_shows_Prometheus_reads()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using FakeSidecar sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Primary);
        sidecar.Send(new Status(FakeSidecar.StatusOf(Mail, GuestRole.Primary, GuestState.Protected) with
        {
            CommittedAgeMs = 87.5,
            GuestBytes = 1L << 40,
            PauseMsP50 = 5,
            PauseMsP99 = 10,
            PauseMsMax = 20,
        }));

        Exposition page = await UntilAsync(daemon, page => page.Samples.ContainsKey($"hikae_guest_epoch{Labels}"));

        Assert.Equal(1, page.Samples["hikae_up"]);
        Assert.Equal(0, page.Samples["hikae_libvirt_up"]);
        Assert.Equal(1, page.Samples["hikae_build_info{version=\"0.1.0\",host=\"here\"}"]);
        Assert.Equal(1, page.Samples[$"hikae_guest_state{Labels[..^1]},state=\"protected\"}}"]);
        Assert.Equal(1, page.Samples[$"hikae_guest_protected{Labels}"]);
        Assert.Equal(0.0875, page.Samples[$"hikae_guest_committed_age_seconds{Labels}"]);
        Assert.Equal(1L << 40, page.Samples[$"hikae_guest_memory_bytes{Labels}"]);
        Assert.Equal(0.01, page.Samples[$"hikae_guest_pause_seconds{Labels[..^1]},quantile=\"0.99\"}}"]);
    }

    [Fact]
    public async Task A_guest_whose_sidecar_is_silent_is_unknown_and_has_no_numbers_of_the_past()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using (FakeSidecar sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Primary))
        {
            sidecar.Send(new Status(FakeSidecar.StatusOf(Mail, GuestRole.Primary, GuestState.Protected) with { GuestBytes = 5 }));
            await UntilAsync(daemon, page => page.Samples.ContainsKey($"hikae_guest_protected{Labels}"));
        }

        Exposition page = await UntilAsync(daemon, page => page.Samples[$"hikae_guest_protected{Labels}"] == 0);

        Assert.Equal(1, page.Samples[$"hikae_guest_state{Labels[..^1]},state=\"unknown\"}}"]);
        Assert.DoesNotContain($"hikae_guest_memory_bytes{Labels}", page.Samples.Keys);
        Assert.Equal(1, page.Samples["hikae_sidecar_deaths_total"]);
    }

    [Fact]
    public async Task A_failover_is_counted_once()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using FakeSidecar sidecar = FakeSidecar.Register(daemon.Options.ControlSocket, Mail, GuestRole.Backup);
        foreach (GuestState state in (GuestState[])[GuestState.Ready, GuestState.Recovering, GuestState.Recovered, GuestState.Recovered])
        {
            sidecar.Send(new Status(FakeSidecar.StatusOf(Mail, GuestRole.Backup, state)));
        }

        // As to a hikaed that was restarted after the failover.
        var other = Guid.NewGuid();
        using FakeSidecar earlier = FakeSidecar.Register(daemon.Options.ControlSocket, other, GuestRole.Backup, "web");
        earlier.Send(new Status(FakeSidecar.StatusOf(other, GuestRole.Backup, GuestState.Recovered, "web")));

        Exposition page = await UntilAsync(
            daemon, page => page.Samples.Keys.Count(series => series.EndsWith("role=\"backup\",state=\"recovered\"}", StringComparison.Ordinal)) == 2);

        Assert.Equal(1, page.Samples["hikae_failovers_total"]);
    }

    [Theory]
    [InlineData("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 OK\r\n")]
    [InlineData("GET /metrics?x HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n")]
    [InlineData("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found\r\n")]
    [InlineData("POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405 Method Not Allowed\r\nAllow: GET, HEAD\r\n")]
    [InlineData("get /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 ")]
    [InlineData("\u0016\u0003\u0001\r\n", "HTTP/1.1 400 ")]
    public async Task A_request_is_answered_and_the_connection_closed(string request, string answer)
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();

        Assert.StartsWith(answer, await AskAsync(daemon, request), StringComparison.Ordinal);
    }

    [Fact]
    public async Task HEAD_says_the_length_and_sends_nothing_of_it()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();

        string answer = await AskAsync(daemon, "HEAD /metrics HTTP/1.1\r\n\r\n");

        Assert.EndsWith("\r\n\r\n", answer, StringComparison.Ordinal);
        Assert.Matches("\r\nContent-Length: [1-9][0-9]+\r\n", answer);
    }

    [Fact]
    public async Task A_head_that_never_ends_is_refused_at_the_limit()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        using Socket client = await ConnectAsync(daemon);
        await client.SendAsync(Encoding.ASCII.GetBytes("GET /metrics HTTP/1.1\r\n" + new string('a', HttpRequestHead.MaxBytes)));

        Assert.StartsWith("HTTP/1.1 431 ", await ReadAsync(client), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_does_not_go_on_is_cut_off_in_time()
    {
        var clock = new FakeTimeProvider();
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(clock);
        using Socket client = await ConnectAsync(daemon);
        await client.SendAsync("GET /metrics HTTP/1.1\r\n"u8.ToArray());
        Task<string> answer = ReadAsync(client);

        await Eventually.TrueAsync(() => answer.IsCompleted, "cut off", () => clock.Advance(TimeSpan.FromSeconds(1)));

        Assert.Empty(await answer);
    }

    [Fact]
    public async Task Silent_connections_do_not_keep_out_one_that_asks()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync();
        var silent = new List<Socket>();
        for (int i = 0; i < 3 * MetricsServer.MaxConnections; i++)
        {
            silent.Add(await ConnectAsync(daemon));
        }

        Assert.StartsWith("HTTP/1.1 200 OK", await AskAsync(daemon, "GET /metrics HTTP/1.1\r\n\r\n"), StringComparison.Ordinal);
        Assert.Empty(await ReadAsync(silent[0]));
        silent.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public async Task An_address_in_use_is_tried_again_and_reported_once()
    {
        using var other = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        other.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        other.Listen();
        var clock = new FakeTimeProvider();
        var log = new LogLines();
        using var ending = new CancellationTokenSource();
        var server = new MetricsServer((IPEndPoint)other.LocalEndPoint!, () => "", clock, log);
        Task running = server.RunAsync(ending.Token);
        clock.Advance(MetricsServer.PauseAfterFailure);
        other.Dispose();

        await Eventually.TrueAsync(() => server.EndPoint is not null, "listening", () => clock.Advance(MetricsServer.PauseAfterFailure));

        await ending.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Single(log.Lines, line => line.Contains("cannot listen", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_the_key_no_port_is_open()
    {
        await using RunningDaemon daemon = await RunningDaemon.StartAsync(configure: configuration => configuration with { Metrics = new() });

        Assert.Null(daemon.Daemon.MetricsEndPoint);
    }

    private static async Task<Exposition> UntilAsync(RunningDaemon daemon, Func<Exposition, bool> seen)
    {
        using var http = new HttpClient();
        var address = new Uri($"http://{daemon.Daemon.MetricsEndPoint}/metrics");
        Exposition? page = null;
        while (page is null || !seen(page))
        {
            using HttpResponseMessage answer = await http.GetAsync(address, TestContext.Current.CancellationToken);
            Assert.Equal("text/plain; version=0.0.4; charset=utf-8", answer.Content.Headers.ContentType!.ToString());
            page = Exposition.Parse(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }
        return page;
    }

    private static async Task<string> AskAsync(RunningDaemon daemon, string request)
    {
        using Socket client = await ConnectAsync(daemon);
        await client.SendAsync(Encoding.Latin1.GetBytes(request));
        return await ReadAsync(client);
    }

    private static async Task<Socket> ConnectAsync(RunningDaemon daemon)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(daemon.Daemon.MetricsEndPoint!);
        return socket;
    }

    /// <summary>Everything until the server closes.</summary>
    private static async Task<string> ReadAsync(Socket client)
    {
        var text = new StringBuilder();
        byte[] buffer = new byte[4096];
        for (int received = -1; received != 0;)
        {
            received = await RunningDaemon.ReceiveAsync(client, buffer);
            text.Append(Encoding.UTF8.GetString(buffer, 0, received));
        }
        return text.ToString();
    }
}
