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

/// <summary>A whole sidecar on the backup, between a scripted daemon, a scripted primary and a real ownership record; only libvirt is missing.</summary>
public sealed class BackupSidecarTests : IDisposable
{
    private static readonly Guid Guest = BackupUnderTest.Guest;

    // Nothing here waits for silence, and no lost link may be claimed within a test.
    private static readonly TimeSpan DetectAfter = TimeSpan.FromMinutes(5);

    private readonly string _folder = Directory.CreateTempSubdirectory("hikae-backup-").FullName;
    private readonly ScriptedDaemon _hikaed;
    private readonly GuestOwnership _primary;
    private readonly DaemonClient _daemon;
    private readonly StatusBoard _status;
    private readonly BackupSidecar _sidecar;
    private readonly Task<int> _run;
    private readonly List<IDisposable> _peers = [];

    public BackupSidecarTests()
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
            options, ownership, new GuestStarter(options.LibvirtUri, NullLogger.Instance), _daemon, _status, NullLogger.Instance);
        _run = Task.Factory.StartNew(_sidecar.Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        _daemon.Start();
        _hikaed.Accept();
        _hikaed.Receive<Register>();
    }

    [Fact]
    public void A_stranger_who_names_the_guest_does_not_end_its_replica()
    {
        RecordConnection link = Connect();
        SendEpoch(link, 1);
        RecordConnection stranger = Offer();
        stranger.Send(RecordType.Heartbeat, 0, []);
        Assert.Equal(RecordType.Refuse, stranger.Receive(out _).Type);

        SendEpoch(link, 2);

        Claim(link);
    }

    [Fact]
    public void A_backup_is_ready_only_when_it_has_seen_the_record()
    {
        RecordConnection link = Connect();
        SendEpoch(link, 1);
        Assert.Equal(GuestState.Receiving, _status.Current.State);

        Claim(link);
        SendEpoch(link, 2);

        Assert.Equal(GuestState.Ready, _status.Current.State);
    }

    [Fact]
    public void A_backup_that_cannot_see_the_record_tells_the_primary()
    {
        RecordConnection link = Connect();
        SendEpoch(link, 1);

        link.Send(RecordType.Claimed, 0, NumberPayload.Write(7));

        Assert.Equal(RecordType.Refuse, ReceiveAnswer(link, out byte[] payload).Type);
        Assert.Contains("both hosts must use the same arbiter", ReplicationJson.Read<Refuse>(payload).Reason, StringComparison.Ordinal);
        Assert.NotEqual(GuestState.Ready, _status.Current.State);
    }

    [Fact]
    public void A_primary_that_claims_again_and_again_is_not_listened_to()
    {
        RecordConnection link = Connect();
        SendEpoch(link, 1);
        Claim(link);

        link.Send(RecordType.Claimed, 0, NumberPayload.Write(_primary.Current!.Generation));

        Assert.Throws<PeerLostException>(() => ReceiveAnswer(link));
        _primary.ClaimUnprotected(0);
    }

    [Fact]
    public void A_primary_that_connects_anew_replaces_its_old_link()
    {
        RecordConnection old = Connect();
        SendEpoch(old, 1);

        RecordConnection anew = Connect();

        Assert.Throws<PeerLostException>(() => ReceiveAnswer(old));
        SendEpoch(anew, 1);
    }

    [Fact]
    public void A_link_that_the_backup_gives_up_is_closed_before_the_guest_is_claimed()
    {
        _primary.ClaimProtected("hostB");
        RecordConnection link = Connect();
        SendEpoch(link, 1);

        link.Send(RecordType.EpochEnd, 2, new byte[EpochTotals.Bytes]);

        Assert.Throws<PeerLostException>(() => ReceiveAnswer(link));
        _primary.ClaimUnprotected(0);
    }

    [Fact]
    public async Task A_goodbye_ends_the_sidecar_and_is_told_to_the_daemon()
    {
        RecordConnection link = Connect();
        SendEpoch(link, 1);

        link.Send(RecordType.Bye, 0, ReplicationJson.Write(new Bye("migrated")));

        Assert.Equal(0, await _run);
        Assert.Equal("the primary ended protection: migrated", _status.Current.Reason);
        _hikaed.Receive<Goodbye>();
    }

    [Fact]
    public void A_failover_without_a_checkpoint_is_answered_with_no()
    {
        Connect();
        _hikaed.Send(new Failover());

        Assert.Equal(new Result(false, "this host holds no whole checkpoint of the guest"), _hikaed.Receive<Result>());
    }

    [Fact]
    public void A_planned_failover_that_fails_before_the_guest_runs_gives_the_guest_back()
    {
        _primary.ClaimProtected("hostB");
        RecordConnection link = Connect();
        SendEpoch(link, 1);
        _hikaed.Send(new Failover());
        Assert.Equal(RecordType.Yield, ReceiveAnswer(link).Type);

        link.Send(RecordType.Yielded, 1, []);

        Assert.Equal(RecordType.Recovered, ReceiveAnswer(link).Type);
        Assert.False(_hikaed.Receive<Result>().Ok);
        Assert.Equal(("hostA", null), (_primary.Refresh()!.Owner, _primary.Current!.ProtectedBy));
    }

    [Fact]
    public void A_guest_that_the_record_leaves_with_its_primary_is_not_recovered()
    {
        RecordConnection link = Connect();
        SendEpoch(link, 1);

        link.Send(RecordType.Yielded, 1, []);

        Assert.Equal(RecordType.Recovered, ReceiveAnswer(link).Type);
        Assert.Null(_primary.Refresh());
    }

    [Fact]
    public void A_new_guest_for_which_there_is_no_room_is_refused_before_the_first_copy()
    {
        RecordConnection link = Connect();
        link.Send(RecordType.DomainXml, 0, "<domain type='qemu'/>"u8);
        AnswerRoom(new Result(false, "the backup host hostB keeps 9 MiB of its budget of 8 MiB"));

        Assert.Equal(RecordType.Refuse, ReceiveAnswer(link, out byte[] payload).Type);

        Assert.Equal(new Refuse("full", "the backup host hostB keeps 9 MiB of its budget of 8 MiB"), ReplicationJson.Read<Refuse>(payload));
    }

    [Fact]
    public void A_new_guest_that_grows_beyond_the_budget_is_refused_before_it_counts_as_protected()
    {
        RecordConnection link = Connect();
        GatherEpoch(link, 1);
        AnswerRoom(new Result(false, "full"));

        Assert.Equal(RecordType.Refuse, ReceiveAnswer(link).Type);
        Assert.Throws<PeerLostException>(() => ReceiveAnswer(link));
    }

    [Fact]
    public void A_guest_that_was_protected_here_is_not_asked_for_room_again()
    {
        RecordConnection link = Connect();
        SendEpoch(link, 1);
        Claim(link);
        SendEpoch(link, 2);

        RecordConnection anew = Connect();
        anew.Send(RecordType.DomainXml, 0, "<domain type='qemu'/>"u8);

        Assert.Equal(RecordType.DryStartResult, ReceiveAnswer(anew).Type);
        GatherEpoch(anew, 1);
        Assert.Equal(RecordType.Ack, ReceiveAnswer(anew).Type);
    }

    public void Dispose()
    {
        _sidecar.Stop();
        _run.GetAwaiter().GetResult();
        _peers.ForEach(peer => peer.Dispose());
        _sidecar.Dispose();
        _status.Dispose();
        _daemon.Dispose();
        _hikaed.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    /// <summary>A connection whose preamble the daemon has read.</summary>
    private RecordConnection Offer()
    {
        var pair = new TcpPair();
        var connection = new RecordConnection(new NetworkStream(pair.Primary), pair.Primary);
        _peers.Add(connection);
        _hikaed.Offer(pair.Backup);
        return connection;
    }

    private RecordConnection Connect()
    {
        RecordConnection connection = Offer();
        connection.Send(RecordType.Hello, 0, ReplicationJson.Write(new Hello(ReplicationVersion.Current, ReplicationVersion.Oldest, Guest, "g", "hostA", 0, (int)DetectAfter.TotalMilliseconds)));
        Assert.Equal(RecordType.Welcome, connection.Receive(out _).Type);
        return connection;
    }

    /// <summary>A whole epoch, and what the backup says to it. Before its first the backup asks whether there is room.</summary>
    private void SendEpoch(RecordConnection link, ulong epoch)
    {
        GatherEpoch(link, epoch);
        if (epoch == 1)
        {
            AnswerRoom(new Result(true, ""));
        }
        RecordHeader answer = ReceiveAnswer(link);
        Assert.Equal((RecordType.Ack, epoch), (answer.Type, answer.Epoch));
    }

    private void AnswerRoom(Result answer)
    {
        while (true)
        {
            using ScriptedDaemon question = _hikaed.AcceptQuestion();
            try
            {
                Assert.Equal(new AskRoom(Guest), question.Receive<AskRoom>());
                question.Send(answer);
                return;
            }
            catch (EndOfStreamException)
            {
                // After the loss of a link that is replaced it asked for the guest's turn, and wanted none any more.
            }
        }
    }

    private static void GatherEpoch(RecordConnection link, ulong epoch)
    {
        var block = new RamBlockInfo("pc.ram", 4096, 4096);
        byte[] totals = new byte[EpochTotals.Bytes];
        new EpochTotals(3, 0, 0, 1).Write(totals);
        link.Gather(RecordType.EpochBegin, epoch, []);
        link.Gather(RecordType.DomainXml, epoch, "<domain type='qemu'/>"u8);
        link.Gather(RecordType.BlockList, epoch, BlockList.Write([block]));
        link.Gather(RecordType.DeviceState, epoch, [1]);
        link.Send(RecordType.EpochEnd, epoch, totals);
    }

    /// <summary>What the primary does after its first commit.</summary>
    private void Claim(RecordConnection link)
    {
        _primary.ClaimProtected("hostB");
        link.Send(RecordType.Claimed, 0, NumberPayload.Write(_primary.Current!.Generation));
        Assert.True(SpinWait.SpinUntil(() => _status.Current.State is GuestState.Ready, TimeSpan.FromMinutes(1)), _status.Current.ToString());
    }

    private static RecordHeader ReceiveAnswer(RecordConnection link) => ReceiveAnswer(link, out _);

    private static RecordHeader ReceiveAnswer(RecordConnection link, out byte[] payload)
    {
        RecordHeader header;
        do
        {
            header = link.Receive(out ReadOnlySpan<byte> bytes);
            payload = bytes.ToArray();
        }
        while (header.Type is RecordType.Heartbeat);
        return header;
    }
}
