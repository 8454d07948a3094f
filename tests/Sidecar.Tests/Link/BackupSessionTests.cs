// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Collections.Concurrent;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Buffer;
using Hikae.Sidecar.Epoch;
using Xunit;

namespace Hikae.Sidecar.Tests.Link;

/// <summary>What a primary may send that is not one whole epoch after the other.</summary>
public sealed class BackupSessionTests
{
    private static readonly DiskList TwoDisks = new([new DiskInfo("virtio-disk0", "/srv/0", "raw", 1 << 20), new DiskInfo("virtio-disk1", "/srv/1", "raw", 1 << 20)]);
    private static readonly SourceMemory First;
    private static readonly IReadOnlyList<byte[]> FirstEpoch;
    private static readonly IReadOnlyList<byte[]> SecondEpoch;

    static BackupSessionTests()
    {
        var random = new Random(17);
        var source = new SourceMemory();
        source.WriteSome(random);
        First = source.Copy();
        IReadOnlyList<byte[]> both = Epochs.Records(
            (queue, pool) =>
            {
                Epochs.Put(queue, pool, source, 1, SourceMemory.All, CancellationToken.None);
                Epochs.Put(queue, pool, source, 2, source.WriteSome(random), CancellationToken.None);
            },
            ends: 2);
        int second = both.ToList().FindIndex(1, record => Header(record).Type is RecordType.EpochBegin);
        FirstEpoch = [.. both.Take(second)];
        SecondEpoch = [.. both.Skip(second)];
    }

    [Fact]
    public void An_epoch_torn_at_any_record_leaves_the_checkpoint_and_is_not_acknowledged()
    {
        Assert.True(SecondEpoch.Count > 5, $"{SecondEpoch.Count} records");
        for (int whole = 0; whole < SecondEpoch.Count; whole++)
        {
            AssertTorn(backup =>
            {
                SendAll(backup, SecondEpoch.Take(whole));
                backup.CloseSending();
            });
        }
    }

    [Fact]
    public void An_epoch_torn_inside_any_record_leaves_the_checkpoint_and_is_not_acknowledged()
    {
        for (int whole = 0; whole < SecondEpoch.Count; whole++)
        {
            AssertTorn(backup =>
            {
                SendAll(backup, SecondEpoch.Take(whole));
                backup.SendRaw(SecondEpoch[whole].AsSpan(0, SecondEpoch[whole].Length - 1));
                backup.CloseSending();
            });
        }
    }

    [Fact]
    public void An_epoch_that_lacks_any_record_is_refused()
    {
        for (int missing = 1; missing < SecondEpoch.Count - 1; missing++)
        {
            AssertTorn(backup =>
            {
                SendAll(backup, SecondEpoch.Where((_, i) => i != missing));
                backup.CloseSending();
            });
        }
    }

    [Fact]
    public void A_record_of_another_epoch_inside_an_epoch_is_refused()
    {
        for (int other = 1; other < SecondEpoch.Count; other++)
        {
            string reason = AssertTorn(backup =>
            {
                SendAll(backup, SecondEpoch.Take(other));
                backup.Primary.Send(Header(SecondEpoch[other]).Type, 3, SecondEpoch[other].AsSpan(RecordHeader.Bytes));
            });

            Assert.Contains("of epoch 3, which is not open", reason, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void An_epoch_that_is_not_newer_than_the_checkpoint_is_refused(int epoch)
    {
        Assert.Contains(
            "begins out of place", AssertTorn(backup => backup.Primary.Send(RecordType.EpochBegin, (ulong)epoch, [])), StringComparison.Ordinal);
    }

    [Fact]
    public void An_epoch_inside_an_epoch_is_refused()
    {
        Assert.Contains(
            "begins out of place",
            AssertTorn(backup =>
            {
                backup.SendRaw(SecondEpoch[0]);
                backup.Primary.Send(RecordType.EpochBegin, 3, []);
            }),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(RecordType.HardPages)]
    [InlineData(RecordType.SoftPages)]
    [InlineData(RecordType.DeviceState)]
    [InlineData(RecordType.BlockList)]
    [InlineData(RecordType.EpochEnd)]
    [InlineData(RecordType.DomainXml)]
    [InlineData(RecordType.Ack)]
    [InlineData(RecordType.Hello)]
    public void A_record_between_epochs_that_belongs_into_one_is_refused(RecordType type)
    {
        AssertTorn(backup => backup.Primary.Send(type, 1, []));
    }

    [Fact]
    public async Task A_checkpoint_whose_disks_cannot_all_be_committed_is_discarded_with_its_memory()
    {
        using var backup = new BackupUnderTest(maxBufferBytes: 256 << 10);
        SendAll(backup, FirstEpoch.SkipLast(1));
        SendEnd(backup, 1, EpochTotals.Read(FirstEpoch[^1].AsSpan(RecordHeader.Bytes)), RecordType.DiskList, ReplicationJson.Write(TwoDisks));
        Assert.Equal((RecordType.Ack, 1UL), Acknowledgement(backup));

        // The second disk's buffer is all but full at once. Then only ends of epochs find room in it, until there is none for these either.
        byte[] writes = SecondDisksWrites(180 << 10);
        Task<PeerLostException> ended = Task.Run(() =>
        {
            PeerLostException lost = Assert.Throws<PeerLostException>(backup.Join);
            backup.Session.CloseLink();
            return lost;
        });
        Assert.Throws<PeerLostException>(() =>
        {
            for (ulong epoch = 2; epoch < 10_000; epoch++)
            {
                backup.Primary.Send(RecordType.EpochBegin, epoch, []);
                backup.Primary.Send(RecordType.DeviceState, epoch, "d"u8);
                SendEnd(backup, epoch, new EpochTotals(1, 0, 0, 1), RecordType.DiskWrites, writes);
                Acknowledgement(backup);
                writes = SecondDisksWrites(0);
            }
        });

        Assert.Contains("the replica is discarded", (await ended).Message, StringComparison.Ordinal);
        Assert.False(backup.Session.HasCheckpoint);
    }

    [Fact]
    public void A_goodbye_ends_the_session_with_its_reason()
    {
        using var backup = new BackupUnderTest();
        SendAll(backup, FirstEpoch);
        backup.Primary.Send(RecordType.Bye, 0, ReplicationJson.Write(new Bye("migrated")));

        backup.Join();

        Assert.Equal("migrated", backup.Session.ByeReason);
        Assert.False(backup.Session.Yielded);
    }

    [Fact]
    public void A_goodbye_in_the_middle_of_an_epoch_is_heard()
    {
        using var backup = new BackupUnderTest();
        SendAll(backup, FirstEpoch.Take(3));
        backup.Primary.Send(RecordType.Bye, 0, ReplicationJson.Write(new Bye("ended")));

        backup.Join();

        Assert.Equal("ended", backup.Session.ByeReason);
        Assert.False(backup.Session.Store.HasCheckpoint);
    }

    [Fact]
    public void What_the_guest_reads_is_known_from_its_record_on_and_belongs_to_no_epoch()
    {
        var source = new SourceMemory();
        IReadOnlyList<byte[]> records = Epochs.Records(
            (queue, pool) =>
            {
                Epochs.Put(queue, pool, source, 1, SourceMemory.All, CancellationToken.None);
                queue.Add(new EpochPart.Reads([new ChunkReads(0, [200]), new ChunkReads(1, [100, 5])]), CancellationToken.None);
                queue.Begin(new EpochId(2), CancellationToken.None);
                queue.Add(new EpochPart.Reads([new ChunkReads(0, [40])]), CancellationToken.None);
                Epochs.Put(queue, pool, source, 2, [], CancellationToken.None);
            },
            ends: 2);
        Assert.Equal(3, records.Count(record => Header(record) is { Type: RecordType.ReadHeat, IsOptional: true }));
        using var backup = new BackupUnderTest();
        SendAll(backup, records);
        Assert.Equal((RecordType.Ack, 1UL), Acknowledgement(backup));
        Assert.Equal((RecordType.Ack, 2UL), Acknowledgement(backup));
        backup.CloseSending();
        Assert.Throws<PeerLostException>(backup.Join);

        // Perhaps one more each: for what the first epoch brought.
        Assert.InRange(backup.Session.Store.HeatOf(0, 0), 40, 41);
        Assert.InRange(backup.Session.Store.HeatOf(1, 0), 100, 101);
        Assert.InRange(backup.Session.Store.Statistics.ReadPages!.Value, 2 * 140, 2 * 145);
    }

    [Fact]
    public void A_guest_is_yielded_with_the_committed_epoch()
    {
        using var backup = new BackupUnderTest();
        SendAll(backup, FirstEpoch);
        backup.Primary.Send(RecordType.Yielded, 1, []);

        backup.Join();

        Assert.True(backup.Session.Yielded);
        First.AssertEqualTo(backup.Session.Store);
    }

    [Fact]
    public void A_primary_that_falls_silent_is_doubted()
    {
        // Long enough that a busy machine's timers do not miss the half in which it is only doubted.
        using var backup = new BackupUnderTest(patience: TimeSpan.FromSeconds(4));
        var doubts = new BlockingCollection<bool>();
        backup.Session.Silent += doubts.Add;
        SendAll(backup, FirstEpoch);

        Assert.True(doubts.TryTake(out bool silent, (int)TimeSpan.FromMinutes(1).TotalMilliseconds, TestContext.Current.CancellationToken));
        Assert.True(silent);
    }

    [Fact]
    public void A_primary_that_yielded_the_guest_is_not_doubted_while_it_waits()
    {
        using var backup = new BackupUnderTest(patience: TimeSpan.FromMilliseconds(400));
        var doubts = new ConcurrentQueue<bool>();
        backup.Session.Silent += doubts.Enqueue;
        SendAll(backup, FirstEpoch);
        backup.Primary.Send(RecordType.Yielded, 1, []);
        backup.Join();
        int before = doubts.Count;

        // A fifth of the patience each, so that more than the patience goes by.
        backup.WaitForHeartbeats(10);

        Assert.Equal(before, doubts.Count);
    }

    [Fact]
    public void A_guest_is_not_yielded_with_another_epoch() => AssertTorn(backup => backup.Primary.Send(RecordType.Yielded, 2, []));

    [Fact]
    public void A_guest_without_a_checkpoint_is_not_yielded()
    {
        using var backup = new BackupUnderTest();
        backup.Primary.Send(RecordType.Yielded, 0, []);

        Assert.Throws<PeerLostException>(backup.Join);

        Assert.False(backup.Session.Yielded);
    }

    [Fact]
    public void An_optional_record_of_a_later_version_is_passed_over()
    {
        using var backup = new BackupUnderTest();
        byte[] unknown = new byte[RecordHeader.Bytes];
        RecordHeader.Write(unknown, (RecordType)999, 0, [], isOptional: true);
        backup.SendRaw(unknown);
        SendAll(backup, FirstEpoch);

        Assert.Equal((RecordType.Ack, 1UL), Acknowledgement(backup));
    }

    [Fact]
    public void An_offer_is_answered_by_what_the_dry_start_found()
    {
        using var backup = new BackupUnderTest(xml => new DryStartResult(false, $"no host device for {xml}", false));
        backup.Primary.Send(RecordType.DomainXml, 0, "<domain/>"u8);

        (RecordType type, _, byte[] payload) = backup.Receive();

        Assert.Equal(RecordType.DryStartResult, type);
        Assert.Equal("no host device for <domain/>", ReplicationJson.Read<DryStartResult>(payload).Reason);
    }

    [Fact]
    public void A_dry_start_that_fails_in_a_way_of_its_own_is_only_a_no()
    {
        using var backup = new BackupUnderTest(_ => throw new FormatException("unreadable"));
        backup.Primary.Send(RecordType.DomainXml, 0, "<domain/>"u8);

        DryStartResult result = ReplicationJson.Read<DryStartResult>(backup.Receive().Payload);

        Assert.Equal((false, "unreadable"), (result.Ok, result.Reason));
    }

    /// <summary>Epoch 1 arrives whole, then what <paramref name="then"/> does loses the peer. Returns the sentence.</summary>
    private static string AssertTorn(Action<BackupUnderTest> then)
    {
        using var backup = new BackupUnderTest();
        SendAll(backup, FirstEpoch);
        Assert.Equal((RecordType.Ack, 1UL), Acknowledgement(backup));

        then(backup);

        PeerLostException lost = Assert.Throws<PeerLostException>(backup.Join);
        Assert.Equal(1UL, backup.Session.Store.CommittedEpoch);
        First.AssertEqualTo(backup.Session.Store);
        Assert.Equal(Epochs.Devices(1), backup.Session.Store.DeviceState.ToArray());
        backup.Session.CloseLink();
        Assert.Throws<PeerLostException>(() => backup.Receive());
        return lost.Message;
    }

    /// <summary>One more record of an epoch, and its end.</summary>
    private static void SendEnd(BackupUnderTest backup, ulong epoch, EpochTotals others, RecordType type, byte[] payload)
    {
        byte[] totals = new byte[EpochTotals.Bytes];
        (others with { Records = others.Records + 1 }).Write(totals);
        backup.Primary.Send(type, epoch, payload);
        backup.Primary.Send(RecordType.EpochEnd, epoch, totals);
    }

    private static byte[] SecondDisksWrites(int bytes)
    {
        byte[] record = new byte[ReplicationLimits.MaxDiskWritesBytes];
        var writer = new DiskWritesWriter(record, disk: 1, holdsFlush: true);
        if (bytes > 0)
        {
            writer.Add((byte)DiskWrite.Write, 0, bytes, new byte[bytes]);
        }
        return record[..writer.LengthBytes];
    }

    private static (RecordType Type, ulong Epoch) Acknowledgement(BackupUnderTest backup)
    {
        (RecordType type, ulong epoch, _) = backup.Receive();
        return (type, epoch);
    }

    private static RecordHeader Header(byte[] record) => RecordHeader.Parse(record);

    private static void SendAll(BackupUnderTest backup, IEnumerable<byte[]> records)
    {
        foreach (byte[] record in records)
        {
            backup.SendRaw(record);
        }
    }
}
