// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Xunit;

namespace Hikae.Sidecar.Tests.Link;

/// <summary>Deltas that are cut off, damaged, or of a primary that does not mean well.</summary>
public sealed class HostileDeltaTests
{
    private static readonly SourceMemory Third;
    private static readonly IReadOnlyList<byte[]> ThreeEpochs;

    // Of which all that the guest wrote goes as deltas.
    private static readonly IReadOnlyList<byte[]> FourthEpoch;

    static HostileDeltaTests()
    {
        var random = new Random(17);
        var source = new SourceMemory();
        source.WriteSome(random);
        for (uint page = 0; page < 4; page++)
        {
            source.Page(0, page)[0] = source.Page(1, page)[0] = 1;
        }
        SourceMemory? third = null;
        IReadOnlyList<byte[]> all = Epochs.Records(
            (queue, pool) =>
            {
                Epochs.Put(queue, pool, source, 1, SourceMemory.All, CancellationToken.None);
                Epochs.Put(queue, pool, source, 2, source.WriteSparsely(random, 4), CancellationToken.None);
                Epochs.Put(queue, pool, source, 3, source.WriteSparsely(random, 4), CancellationToken.None);
                third = source.Copy();
                Epochs.Put(queue, pool, source, 4, source.WriteSparsely(random, 4), CancellationToken.None);
            },
            ends: 4);
        Third = third!;
        int fourth = all.ToList().FindIndex(record => RecordHeader.Parse(record) is { Type: RecordType.EpochBegin, Epoch: 4 });
        ThreeEpochs = [.. all.Take(fourth)];
        FourthEpoch = [.. all.Skip(fourth)];
    }

    [Fact]
    public void An_epoch_of_deltas_that_is_torn_anywhere_leaves_the_checkpoint()
    {
        Assert.Equal(2, FourthEpoch.Count(IsDelta));
        Assert.DoesNotContain(FourthEpoch, record => RecordHeader.Parse(record).Type is RecordType.HardPages);
        for (int whole = 0; whole < FourthEpoch.Count; whole++)
        {
            AssertTorn(backup =>
            {
                SendAll(backup, FourthEpoch.Take(whole));
                backup.SendRaw(FourthEpoch[whole].AsSpan(0, FourthEpoch[whole].Length - 1));
                backup.CloseSending();
            });
        }
    }

    [Fact]
    public void A_delta_that_is_damaged_in_any_byte_ends_the_link()
    {
        int index = FourthEpoch.ToList().FindIndex(IsDelta);
        byte[] payload = FourthEpoch[index][RecordHeader.Bytes..];
        for (int at = 0; at < payload.Length; at += 3)
        {
            byte[] damaged = [.. payload];
            damaged[at] ^= 1;

            // Its record is whole: who damaged it knew how to make the record's checksum.
            AssertTorn(backup =>
            {
                SendAll(backup, FourthEpoch.Take(index));
                backup.Primary.Send(RecordType.DeltaPages, 4, damaged);
                SendAll(backup, FourthEpoch.Skip(index + 1));
                backup.CloseSending();
            });
        }
    }

    [Fact]
    public void A_record_of_deltas_that_comes_twice_ends_the_link()
    {
        int index = FourthEpoch.ToList().FindIndex(IsDelta);
        AssertTorn(backup =>
        {
            SendAll(backup, FourthEpoch.Take(index + 1));
            SendAll(backup, FourthEpoch.Skip(index));
            backup.CloseSending();
        });
    }

    [Fact]
    public void A_primary_of_the_version_before_is_served_like_another()
    {
        using var backup = new BackupUnderTest(version: ReplicationVersion.Oldest);
        SendAll(backup, ThreeEpochs);
        backup.CloseSending();

        Assert.Throws<PeerLostException>(backup.Join);
        Assert.Equal(3UL, backup.Session.Store.CommittedEpoch);
        Assert.Equal(ReplicationVersion.Oldest, backup.Session.Version);
    }

    [Fact]
    public void A_delta_outside_of_an_epoch_ends_the_link() =>
        Assert.Contains(
            "out of place", AssertTorn(backup => backup.SendRaw(FourthEpoch.First(IsDelta))), StringComparison.Ordinal);

    private static bool IsDelta(byte[] record) => RecordHeader.Parse(record).Type is RecordType.DeltaPages;

    private static void SendAll(BackupUnderTest backup, IEnumerable<byte[]> records)
    {
        foreach (byte[] record in records)
        {
            backup.SendRaw(record);
        }
    }

    /// <summary>Three epochs arrive whole, then what <paramref name="then"/> does loses the peer. Returns the sentence.</summary>
    private static string AssertTorn(Action<BackupUnderTest> then)
    {
        using var backup = new BackupUnderTest();
        SendAll(backup, ThreeEpochs);
        for (ulong epoch = 1; epoch <= 3; epoch++)
        {
            Assert.Equal(epoch, backup.Receive().Epoch);
        }

        then(backup);

        PeerLostException lost = Assert.Throws<PeerLostException>(backup.Join);
        Assert.Equal(3UL, backup.Session.Store.CommittedEpoch);
        Third.AssertEqualTo(backup.Session.Store);
        return lost.Message;
    }
}
