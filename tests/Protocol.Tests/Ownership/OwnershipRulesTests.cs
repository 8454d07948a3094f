// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;
using Xunit;

namespace Hikae.Protocol.Tests.Ownership;

public class OwnershipRulesTests
{
    private static readonly OwnershipRecord Protected = ArbiterDirectory.Record(5, "hostA", "hostB");
    private static readonly OwnershipRecord Alone = ArbiterDirectory.Record(6, "hostA");
    private static readonly OwnershipRecord Taken = ArbiterDirectory.Record(6, "hostB");

    [Fact]
    public void The_first_commit_makes_generation_1() =>
        Assert.Equal(ArbiterDirectory.Record(1, "hostA", "hostB"), OwnershipRules.Protect(null, ArbiterDirectory.Guest, "hostA", "hostB", 5000));

    [Fact]
    public void An_owner_may_be_protected_again() =>
        Assert.Equal(ArbiterDirectory.Record(7, "hostA", "hostC"), OwnershipRules.Protect(Alone, ArbiterDirectory.Guest, "hostA", "hostC", 5000));

    [Fact]
    public void A_guest_of_another_host_cannot_be_protected_from_here() =>
        Assert.Null(OwnershipRules.Protect(Taken, ArbiterDirectory.Guest, "hostA", "hostB", 5000));

    [Fact]
    public void A_guest_that_ended_elsewhere_may_start_here() =>
        Assert.Equal(ArbiterDirectory.Record(7, "hostA", "hostB"), OwnershipRules.Protect(Taken with { Ended = true }, ArbiterDirectory.Guest, "hostA", "hostB", 5000));

    [Fact]
    public void No_host_is_its_own_backup() =>
        Assert.Throws<ArgumentException>(() => OwnershipRules.Protect(null, ArbiterDirectory.Guest, "hostA", "hostA", 5000));

    [Fact]
    public void Link_lost_gives_both_the_same_generation_to_claim()
    {
        Assert.Equal(Alone, OwnershipRules.RunAlone(Protected, "hostA"));
        Assert.Equal(Taken, OwnershipRules.TakeOver(Protected, "hostB", 5));
    }

    [Fact]
    public void Whoever_is_not_the_owner_cannot_run_alone_or_end_the_guest()
    {
        Assert.Null(OwnershipRules.RunAlone(Protected, "hostB"));
        Assert.Null(OwnershipRules.RunAlone(Taken, "hostA"));
        Assert.Null(OwnershipRules.RunAlone(null, "hostA"));
        Assert.Null(OwnershipRules.End(Taken, "hostA"));
    }

    [Fact]
    public void The_end_takes_the_guest_from_the_backup_too()
    {
        OwnershipRecord? ended = OwnershipRules.End(Protected, "hostA");

        Assert.Null(OwnershipRules.TakeOver(ended, "hostB", 6));
        Assert.Equal(BackupVerdict.Drop, OwnershipRules.BackupMeaning(ended, "hostB", 5));
    }

    [Theory]
    [InlineData(4)]
    [InlineData(6)]
    public void A_replica_of_another_generation_is_never_started(long replicaGeneration) =>
        Assert.Null(OwnershipRules.TakeOver(Protected, "hostB", replicaGeneration));

    [Fact]
    public void A_third_host_cannot_take_over() => Assert.Null(OwnershipRules.TakeOver(Protected, "hostC", 5));

    [Fact]
    public void The_owner_reads_the_arbiter()
    {
        Assert.Equal(OwnerVerdict.Continue, OwnershipRules.OwnerMeaning(Protected, "hostA", 5));
        Assert.Equal(OwnerVerdict.Continue, OwnershipRules.OwnerMeaning(Alone, "hostA", 5));
        Assert.Equal(OwnerVerdict.Stop, OwnershipRules.OwnerMeaning(Taken, "hostA", 5));
        Assert.Equal(OwnerVerdict.Stop, OwnershipRules.OwnerMeaning(Alone with { Ended = true }, "hostA", 5));
        Assert.Equal(OwnerVerdict.Hold, OwnershipRules.OwnerMeaning(null, "hostA", 5));
        Assert.Equal(OwnerVerdict.Hold, OwnershipRules.OwnerMeaning(Protected, "hostA", 6));
    }

    [Fact]
    public void The_backup_reads_the_arbiter()
    {
        Assert.Equal(BackupVerdict.Wait, OwnershipRules.BackupMeaning(Protected, "hostB", 5));
        Assert.Equal(BackupVerdict.Recover, OwnershipRules.BackupMeaning(Taken, "hostB", 5));
        Assert.Equal(BackupVerdict.Drop, OwnershipRules.BackupMeaning(Alone, "hostB", 5));
        Assert.Equal(BackupVerdict.Drop, OwnershipRules.BackupMeaning(Taken, "hostB", 4));
        Assert.Equal(BackupVerdict.Hold, OwnershipRules.BackupMeaning(null, "hostB", 5));
        Assert.Equal(BackupVerdict.Hold, OwnershipRules.BackupMeaning(Protected, "hostB", 6));
    }

    [Fact]
    public void The_backup_believes_only_a_record_that_names_both()
    {
        Assert.True(OwnershipRules.SeesItselfAsBackup(Protected, "hostB", "hostA"));
        Assert.False(OwnershipRules.SeesItselfAsBackup(Protected, "hostC", "hostA"));
        Assert.False(OwnershipRules.SeesItselfAsBackup(Protected, "hostB", "hostC"));
        Assert.False(OwnershipRules.SeesItselfAsBackup(Alone, "hostB", "hostA"));
        Assert.False(OwnershipRules.SeesItselfAsBackup(null, "hostB", "hostA"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void After_a_lost_link_exactly_one_side_runs(bool primaryFirst)
    {
        using var directory = new ArbiterDirectory();
        for (int generation = 1; generation <= 5; generation++)
        {
            directory.Open().TryClaim(ArbiterDirectory.Record(generation, "hostA", "hostB"), out _);
        }
        OwnershipRecord first = primaryFirst ? OwnershipRules.RunAlone(Protected, "hostA")! : OwnershipRules.TakeOver(Protected, "hostB", 5)!;
        OwnershipRecord second = primaryFirst ? OwnershipRules.TakeOver(Protected, "hostB", 5)! : OwnershipRules.RunAlone(Protected, "hostA")!;

        Assert.True(directory.Open().TryClaim(first, out _));
        Assert.False(directory.Open().TryClaim(second, out OwnershipRecord? winner));
        Assert.Equal(primaryFirst ? OwnerVerdict.Continue : OwnerVerdict.Stop, OwnershipRules.OwnerMeaning(winner, "hostA", 5));
        Assert.Equal(primaryFirst ? BackupVerdict.Drop : BackupVerdict.Recover, OwnershipRules.BackupMeaning(winner, "hostB", 5));
    }

    [Theory]
    [InlineData(10, 100)]
    [InlineData(500, 250)]
    [InlineData(60000, 2000)]
    public void The_backup_lets_the_primary_go_first(int detectMs, int delayMs) =>
        Assert.Equal(TimeSpan.FromMilliseconds(delayMs), OwnershipRules.BackupDelay(TimeSpan.FromMilliseconds(detectMs)));
}
