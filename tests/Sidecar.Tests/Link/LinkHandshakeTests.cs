// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net;
using System.Net.Sockets;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Link;
using Xunit;

namespace Hikae.Sidecar.Tests.Link;

/// <summary>Both ends of the handshake over loopback, with certificates made here. A refusal must be a sentence on both sides.</summary>
public sealed class LinkHandshakeTests : IDisposable
{
    private static readonly Guid Guest = new("11111111-2222-3333-4444-555555555555");
    private static readonly LinkConfiguration Plaintext = new() { Tls = LinkSecurity.PlaintextForTestsOnly, DetectAfter = TimeSpan.FromMinutes(5) };

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly TestCertificates _ours = new();
    private readonly TestCertificates _strangers = new();

    public LinkHandshakeTests() => _listener.Start();

    [Fact]
    public async Task Hosts_of_one_authority_trust_each_other_and_speak_both_ways()
    {
        (PrimaryLink primary, BackupLink backup) = await Welcomed(_ours.Host("hostA"), _ours.Host("localhost"));
        using (primary)
        using (backup)
        {
            Assert.Equal("hostB", primary.Welcome.Host);
            Assert.Equal(("hostA", Guest, "g"), (backup.Hello.Host, backup.Hello.Guest, backup.Hello.GuestName));

            primary.Connection.Send(RecordType.DeviceState, 7, new byte[100_000]);
            Assert.Equal(7UL, backup.Connection.Receive(out ReadOnlySpan<byte> payload).Epoch);
            Assert.Equal(100_000, payload.Length);
            backup.Connection.Send(RecordType.Ack, 7, []);
            Assert.Equal(RecordType.Ack, primary.Connection.Receive(out _).Type);
        }
    }

    [Fact]
    public async Task Silence_is_recognised_through_TLS()
    {
        (PrimaryLink primary, BackupLink backup) = await Welcomed(_ours.Host("hostA"), _ours.Host("localhost"));
        using (primary)
        using (backup)
        {
            primary.Connection.SilenceLimit = TimeSpan.FromMilliseconds(20);

            Assert.True(Assert.Throws<PeerLostException>(() => primary.Connection.Receive(out _)).IsSilence);
        }
    }

    [Fact]
    public async Task Plaintext_is_spoken_when_both_hosts_are_configured_so()
    {
        (PrimaryLink primary, BackupLink backup) = await Welcomed(Plaintext, Plaintext);
        using (primary)
        using (backup)
        {
            Assert.Equal("hostB", primary.Welcome.Host);
        }
    }

    [Fact]
    public async Task A_backup_of_another_authority_is_not_trusted() =>
        AssertNoTrust(await Refused(_ours.Host("hostA"), _strangers.Host("localhost", caFile: _ours.CaFile)), "PartialChain");

    [Fact]
    public async Task A_backup_whose_certificate_expired_is_not_trusted() =>
        AssertNoTrust(await Refused(_ours.Host("hostA"), _ours.Host("localhost", expired: true)), "NotTimeValid");

    [Fact]
    public async Task A_backup_with_another_name_is_not_trusted() =>
        AssertNoTrust(await Refused(_ours.Host("hostA"), _ours.Host("hostB")), "RemoteCertificateNameMismatch");

    [Fact]
    public async Task A_primary_of_another_authority_is_not_trusted()
    {
        (Exception primary, Exception backup) = await Refused(_strangers.Host("hostA", caFile: _ours.CaFile), _ours.Host("localhost"));

        AssertSentences(primary, backup);
        Assert.Contains("or it does not trust this host", primary.Message, StringComparison.Ordinal);
        Assert.Contains("No trust between this host and", backup.Message, StringComparison.Ordinal);
        Assert.Contains("PartialChain", backup.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_primary_whose_certificate_expired_is_not_trusted()
    {
        (Exception primary, Exception backup) = await Refused(_ours.Host("hostA", expired: true), _ours.Host("localhost"));

        AssertSentences(primary, backup);
        Assert.Contains("NotTimeValid", backup.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_that_wants_TLS_does_not_speak_plaintext()
    {
        (Exception primary, Exception backup) = await Refused(Plaintext, _ours.Host("localhost"));
        AssertSentences(primary, backup);

        (primary, backup) = await Refused(_ours.Host("hostA"), Plaintext);
        AssertSentences(primary, backup);
    }

    [Fact]
    public async Task A_certificate_that_cannot_be_read_is_named()
    {
        LinkConfiguration missing = _ours.Host("hostA") with { ClientCertificateFile = "/nonexistent/clientcert.pem" };

        (Exception primary, _) = await Refused(missing, _ours.Host("localhost"));

        Assert.IsType<NotProtectableException>(primary);
        Assert.Contains("/nonexistent/clientcert.pem", primary.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_primary_of_a_protocol_version_that_nobody_speaks_is_told_so()
    {
        (Exception primary, Exception backup) = await Refused(Plaintext, Plaintext, Hello with { Version = 99, OldestVersion = 98 });

        Assert.IsType<NotProtectableException>(primary);
        Assert.Contains($"hostA speaks protocol versions 98 to 99, hostB speaks {ReplicationVersion.Oldest} to {ReplicationVersion.Current}", primary.Message, StringComparison.Ordinal);
        Assert.Contains("hostA speaks protocol versions 98 to 99", backup.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_guest_other_than_the_preambles_is_refused()
    {
        var other = new Guid("99999999-2222-3333-4444-555555555555");

        (Exception primary, Exception backup) = await Refused(Plaintext, Plaintext, Hello with { Guest = other });

        Assert.Contains($"Hello names {other}", primary.Message, StringComparison.Ordinal);
        Assert.Contains($"Hello names {other}", backup.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_backup_that_chose_a_version_of_its_own_is_refused()
    {
        Task fake = Task.Run(
            () =>
            {
                using Socket socket = AcceptAfterPreamble();
                using var connection = new RecordConnection(new NetworkStream(socket), socket);
                connection.Receive(out _);
                connection.Send(RecordType.Welcome, 0, ReplicationJson.Write(new Welcome(7, "hostB", 500)));
            },
            TestContext.Current.CancellationToken);

        NotProtectableException error = Assert.Throws<NotProtectableException>(() => Connect(Plaintext, Hello));
        await fake;

        Assert.Contains("chose protocol version 7", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_peer_that_begins_with_something_else_than_Hello_is_refused()
    {
        using var pair = new TcpPair();
        using var peer = new RecordConnection(new NetworkStream(pair.Primary), pair.Primary);
        peer.Send(RecordType.Heartbeat, 0, []);

        PeerLostException error = await Assert.ThrowsAsync<PeerLostException>(() => Task.Run(() => BackupLink.Accept(pair.Backup, Guest, "hostB", Plaintext)));

        Assert.Contains("a Heartbeat record where Hello was expected", error.Message, StringComparison.Ordinal);
        Assert.Equal(RecordType.Refuse, peer.Receive(out _).Type);
    }

    [Fact]
    public void A_backup_that_does_not_listen_cannot_be_reached()
    {
        int port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _listener.Stop();

        PeerLostException error = Assert.Throws<PeerLostException>(
            () => PrimaryLink.Connect(new HostAddress("127.0.0.1", port), Plaintext, Hello, CancellationToken.None));

        Assert.StartsWith($"127.0.0.1:{port} cannot be reached: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_handshake_ends_when_the_sidecar_is_told_to()
    {
        using var stop = new CancellationTokenSource();
        Task<Exception?> connecting = Task.Run(() => Record.Exception(
            () => PrimaryLink.Connect(new HostAddress("localhost", ((IPEndPoint)_listener.LocalEndpoint).Port), Plaintext, Hello, stop.Token)));
        using Socket silent = AcceptAfterPreamble();

        await stop.CancelAsync();

        Assert.NotNull(await connecting);
    }

    public void Dispose()
    {
        _listener.Dispose();
        _ours.Dispose();
        _strangers.Dispose();
    }

    private static Hello Hello => new(ReplicationVersion.Current, ReplicationVersion.Oldest, Guest, "g", "hostA", 0, 500);

    private static void AssertNoTrust((Exception Primary, Exception Backup) refused, string reason)
    {
        AssertSentences(refused.Primary, refused.Backup);
        Assert.StartsWith("No trust between this host and localhost: ", refused.Primary.Message, StringComparison.Ordinal);
        Assert.Contains(reason, refused.Primary.Message, StringComparison.Ordinal);
    }

    private static void AssertSentences(Exception primary, Exception backup)
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"primary: {primary.Message}\nbackup:  {backup.Message}");
        Assert.IsType<PeerLostException>(primary);
        Assert.IsType<PeerLostException>(backup);
    }

    private async Task<(PrimaryLink Primary, BackupLink Backup)> Welcomed(LinkConfiguration primary, LinkConfiguration backup)
    {
        Task<BackupLink> accepting = Task.Run(() => Accept(backup));
        PrimaryLink link = Connect(primary, Hello);
        return (link, await accepting);
    }

    private async Task<(Exception Primary, Exception Backup)> Refused(LinkConfiguration primary, LinkConfiguration backup, Hello? hello = null)
    {
        Task<Exception?> accepting = Task.Run(() => Record.Exception(() => Accept(backup)));
        Exception? refused = Record.Exception(() => Connect(primary, hello ?? Hello));
        Exception? refusing = await accepting;
        Assert.NotNull(refused);
        Assert.NotNull(refusing);
        return (refused, refusing);
    }

    private PrimaryLink Connect(LinkConfiguration configuration, Hello hello) =>
        PrimaryLink.Connect(new HostAddress("localhost", ((IPEndPoint)_listener.LocalEndpoint).Port), configuration, hello, CancellationToken.None);

    private BackupLink Accept(LinkConfiguration configuration) => BackupLink.Accept(AcceptAfterPreamble(), Guest, "hostB", configuration);

    private Socket AcceptAfterPreamble()
    {
        Socket socket = _listener.AcceptSocket();
        byte[] preamble = new byte[Preamble.Bytes];
        using var stream = new NetworkStream(socket);
        stream.ReadExactly(preamble);
        return socket;
    }
}
