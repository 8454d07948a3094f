// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Control;
using Hikae.Protocol.Ownership;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Link;
using Hikae.Sidecar.Recovery;
using Hikae.Sidecar.Tests.Link;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hikae.Sidecar.Tests;

/// <summary>A whole sidecar on the backup whose primary is lost, and which the daemon lets wait. Only libvirt is missing, so that no guest can be started.</summary>
public sealed class WaitingBackupTests : IDisposable
{
    private const string Annotated =
        "<domain type='qemu'><name>g</name><uuid>11111111-2222-3333-4444-555555555555</uuid>"
        + "<metadata><h:protect xmlns:h='urn:hikae:domain:1' backup='hostB' priority='90'/></metadata></domain>";

    private static readonly Guid Guest = BackupUnderTest.Guest;

    // A link that is closed is waited for as long as one that falls silent.
    private static readonly TimeSpan DetectAfter = TimeSpan.FromSeconds(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("hikae-waiting-").FullName;
    private readonly ScriptedDaemon _hikaed;
    private readonly GuestOwnership _primary;
    private readonly DaemonClient _daemon;
    private readonly StatusBoard _status;
    private readonly BackupSidecar _sidecar;
    private readonly Task<int> _run;
    private readonly List<IDisposable> _peers = [];
    private ScriptedDaemon? _turn;

    public WaitingBackupTests()
    {
        string socket = Path.Combine(_folder, "hikaed.sock");
        _hikaed = new ScriptedDaemon(socket);
        var configuration = new HikaeConfiguration
        {
            HostName = "hostB",
            Link = new LinkConfiguration { Tls = LinkSecurity.PlaintextForTestsOnly, DetectAfter = DetectAfter },
        };
        _primary = new GuestOwnership(new SharedDirectoryArbiter(_folder), Guest, "hostA", TimeSpan.FromSeconds(5));
        var ownership = new GuestOwnership(new SharedDirectoryArbiter(_folder), Guest, "hostB", TimeSpan.FromSeconds(5));
        _daemon = new DaemonClient(socket, new Register(Guest, "g", GuestRole.Backup, 1), NullLogger.Instance);
        var initial = new GuestStatus
        {
            Guest = "g",
            Uuid = Guest,
            Role = GuestRole.Backup,
            State = GuestState.Receiving,
            Host = "hostB",
            UpdatedAt = DateTimeOffset.UnixEpoch,
        };
        _status = new StatusBoard(initial, _daemon, TimeProvider.System, NullLogger.Instance);
        var options = new SidecarOptions(GuestRole.Backup, Guest, configuration, _folder, "none:///", _folder);
        _sidecar = new BackupSidecar(
            options, ownership, new GuestStarter(options.LibvirtUri, NullLogger.Instance) { LibvirtPatience = TimeSpan.Zero }, _daemon, _status, NullLogger.Instance);
        _run = Task.Factory.StartNew(_sidecar.Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        _daemon.Start();
        _hikaed.Accept();
        _hikaed.Receive<Register>();
    }

    [Fact]
    public void A_guest_that_has_to_wait_keeps_its_replica_and_is_not_claimed_before_its_turn()
    {
        LoseProtectedGuest();
        Assert.Equal(new AskTurn(Guest, "g", "hostA", 90, 4096, 0), _turn!.Receive<AskTurn>());
        _turn.Send(new Turn(false, "no memory"));
        WaitFor(GuestState.Waiting);
        Assert.EndsWith("the guest waits to be started here: no memory", _status.Current.Reason, StringComparison.Ordinal);
        Assert.Equal(("hostA", "hostB"), (_primary.Refresh()!.Owner, _primary.Current!.ProtectedBy));

        _turn.Send(new Turn(true, ""));

        WaitUntilTriedAndGivenUp();
    }

    [Fact]
    public void An_administrator_starts_a_guest_that_waits()
    {
        LoseProtectedGuest();
        _turn!.Send(new Turn(false, "no memory"));
        WaitFor(GuestState.Waiting);

        _hikaed.Send(new Failover());

        Assert.StartsWith("recovery failed", _hikaed.Receive<Result>().Message, StringComparison.Ordinal);
        WaitUntilTriedAndGivenUp();
    }

    [Fact]
    public void A_guest_that_waits_is_given_up_when_its_primary_calls_again()
    {
        LoseProtectedGuest();
        _turn!.Send(new Turn(false, "no memory"));
        WaitFor(GuestState.Waiting);

        Connect();

        WaitFor(GuestState.Receiving);
        Assert.Throws<EndOfStreamException>(() => _turn.Receive<Goodbye>());
        Assert.Equal(("hostA", "hostB"), (_primary.Refresh()!.Owner, _primary.Current!.ProtectedBy));
    }

    [Fact]
    public void A_guest_that_waits_is_given_up_when_its_record_goes_on_without_it()
    {
        LoseProtectedGuest();
        _turn!.Send(new Turn(false, "no memory"));
        WaitFor(GuestState.Waiting);

        _primary.ClaimUnprotected(0);

        WaitFor(GuestState.Failed);
        Assert.StartsWith("hostA keeps the guest", _status.Current.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_guest_that_waits_asks_the_next_daemon()
    {
        LoseProtectedGuest();
        _turn!.Send(new Turn(false, "no memory"));
        WaitFor(GuestState.Waiting);
        _turn.Dispose();

        _turn = _hikaed.AcceptQuestion();
        Assert.False(_turn.Receive<AskTurn>().Held);
        _turn.Send(new Turn(true, ""));

        WaitUntilTriedAndGivenUp();
    }

    [Fact]
    public void A_daemon_that_says_nothing_is_not_waited_for()
    {
        LoseProtectedGuest();

        WaitUntilTriedAndGivenUp();
    }

    [Fact]
    public void Without_a_daemon_the_guest_goes_on_all_the_same()
    {
        RecordConnection link = Protect();
        _hikaed.Dispose();
        link.Dispose();

        WaitUntilTriedAndGivenUp();
    }

    public void Dispose()
    {
        _sidecar.Stop();
        _run.GetAwaiter().GetResult();
        _peers.ForEach(peer => peer.Dispose());
        _sidecar.Dispose();
        _status.Dispose();
        _daemon.Dispose();
        _turn?.Dispose();
        _hikaed.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>Its primary is gone, and the daemon has been asked for its turn.</summary>
    private void LoseProtectedGuest()
    {
        Protect().Dispose();
        _turn = _hikaed.AcceptQuestion();
    }

    private RecordConnection Protect()
    {
        RecordConnection link = Connect();
        byte[] totals = new byte[EpochTotals.Bytes];
        new EpochTotals(3, 0, 0, 1).Write(totals);
        link.Gather(RecordType.EpochBegin, 1, []);
        link.Gather(RecordType.DomainXml, 1, System.Text.Encoding.UTF8.GetBytes(Annotated));
        link.Gather(RecordType.BlockList, 1, BlockList.Write([new RamBlockInfo("pc.ram", 4096, 4096)]));
        link.Gather(RecordType.DeviceState, 1, [1]);
        link.Send(RecordType.EpochEnd, 1, totals);
        using (ScriptedDaemon room = _hikaed.AcceptQuestion())
        {
            room.Receive<AskRoom>();
            room.Send(new Result(true, ""));
        }
        _primary.ClaimProtected("hostB");
        link.Send(RecordType.Claimed, 0, NumberPayload.Write(_primary.Current!.Generation));
        WaitFor(GuestState.Ready);
        return link;
    }

    private RecordConnection Connect()
    {
        var pair = new TcpPair();
        var connection = new RecordConnection(new NetworkStream(pair.Primary), pair.Primary);
        _peers.Add(connection);
        _hikaed.Offer(pair.Backup);
        connection.Send(RecordType.Hello, 0, ReplicationJson.Write(new Hello(ReplicationVersion.Current, ReplicationVersion.Oldest, Guest, "g", "hostA", 0, (int)DetectAfter.TotalMilliseconds)));
        Assert.Equal(RecordType.Welcome, connection.Receive(out _).Type);
        return connection;
    }

    private void WaitFor(GuestState state) =>
        Assert.True(SpinWait.SpinUntil(() => _status.Current.State == state, TimeSpan.FromMinutes(1)), _status.Current.ToString());

    /// <summary>The guest was claimed, could not be started, as there is no libvirt, and is nobody's.</summary>
    private void WaitUntilTriedAndGivenUp() =>
        Assert.True(SpinWait.SpinUntil(() => _primary.Refresh() is { Ended: true, Generation: 3 }, TimeSpan.FromMinutes(1)), _primary.Current?.ToString());
}
