// SPDX-License-Identifier: LGPL-2.1-or-later
using CsCheck;
using Hikae.Harness.Ledger.Checking;
using Xunit;

namespace Hikae.Harness.Tests.Ledger;

public sealed class LinearizabilityTests
{
    private static readonly Gen<Interval<Access>> Accesses =
        Gen.Select(Gen.Bool, Gen.Int[0, 2], Gen.Long[0, 12], Gen.Long[1, 6], Gen.Int[0, 4]).Select((writes, value, from, length, answered) =>
            new Interval<Access>(new Access(writes, value, answered > 0), from, answered > 0 ? from + length : null));

    [Fact]
    public void It_agrees_with_trying_every_order() => Accesses.Array[0, 6].Sample(
        history => Assert.Equal(SomeOrderExplains(history, 0), Linearizability.FirstUnexplained(new Register(), history) is null),
        seed: "0000KOIPe036",
        iter: 20_000,
        threads: 1);

    [Fact]
    public void A_read_of_a_write_that_has_not_begun_is_unexplained()
    {
        Interval<Access> early = Read(1, 0, 5);

        Assert.Same(early.Operation, Linearizability.FirstUnexplained(new Register(), [early, Write(1, 6, 8)]));
    }

    [Fact]
    public void Two_reads_that_disagree_on_the_order_of_two_writes_are_unexplained()
    {
        Interval<Access>[] history = [Write(1, 0, 10), Write(2, 0, 10), Read(1, 11, 12), Read(2, 13, 14)];

        Assert.Same(history[3].Operation, Linearizability.FirstUnexplained(new Register(), history));
    }

    [Fact]
    public void A_write_without_an_answer_may_take_effect_much_later_but_once()
    {
        Interval<Access> unknown = new(new Access(true, 2, false), 0, null);
        Interval<Access>[] history = [unknown, Write(1, 1, 2), Read(1, 3, 4), Read(2, 5, 6), Write(1, 7, 8), Read(1, 9, 10)];

        Assert.Null(Linearizability.FirstUnexplained(new Register(), history));
        Assert.NotNull(Linearizability.FirstUnexplained(new Register(), [.. history, Read(2, 11, 12)]));
    }

    private static Interval<Access> Write(int value, long from, long to) => new(new Access(true, value, true), from, to);

    private static Interval<Access> Read(int value, long from, long to) => new(new Access(false, value, true), from, to);

    // Any operation that began before all others ended may be the first; one without an answer may also never happen.
    private static bool SomeOrderExplains(Interval<Access>[] rest, int value)
    {
        if (rest.All(interval => interval.AnsweredAt is null))
        {
            return true;
        }

        long firstEnd = rest.Min(interval => interval.AnsweredAt ?? long.MaxValue);
        return rest.Any(first =>
            first.InvokedAt <= firstEnd
            && new Register().TryApply(value, first.Operation, out int next)
            && SomeOrderExplains([.. rest.Where(other => !ReferenceEquals(other, first))], next));
    }

    /// <summary>A write of a value, or a read that gave it.</summary>
    internal sealed record Access(bool Writes, int Value, bool IsAnswered);

    private sealed class Register : ISequentialObject<int, Access>
    {
        public int Initial => 0;

        public bool TryApply(int state, Access operation, out int next)
        {
            next = operation.Writes ? operation.Value : state;
            return operation.Writes || !operation.IsAnswered || operation.Value == state;
        }
    }
}
