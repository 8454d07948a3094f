// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Ledger;
using Hikae.Harness.Ledger.Checking;
using Xunit;

namespace Hikae.Harness.Tests.Ledger;

/// <summary>The checker accepts what a ledger can say, and finds each way of breaking its word, planted in a history that was right before.</summary>
public sealed class LedgerCheckerTests
{
    private readonly List<Operation> _history;
    private readonly List<LedgerEntry> _entries;

    public LedgerCheckerTests()
    {
        var ledger = new SimulatedLedger(clients: 5, seed: 20);
        _history = ledger.Run(events: 600);
        _entries = ledger.Entries;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(12)]
    public void What_a_ledger_says_is_accepted(int clients)
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var ledger = new SimulatedLedger(clients, seed);

            Assert.Empty(LedgerChecker.Check(ledger.Run(events: 400), ledger.Entries));
        }
    }

    [Fact]
    public void A_long_history_is_checked_to_its_end()
    {
        var ledger = new SimulatedLedger(clients: 8, seed: 3);

        Assert.Empty(LedgerChecker.Check(ledger.Run(events: 300_000), ledger.Entries));
    }

    [Fact]
    public void An_entry_that_is_gone_is_lost()
    {
        _entries.RemoveAt(_entries.Count / 2);

        AssertFound(ViolationKind.Lost);
    }

    [Fact]
    public void The_newest_entry_gone_is_lost()
    {
        Operation newest = _history.Where(operation => operation.Position > 0).MaxBy(operation => operation.Position)!;
        _entries.RemoveRange((int)newest.Position - 1, _entries.Count - (int)newest.Position + 1);

        AssertFound(ViolationKind.Lost);
    }

    [Fact]
    public void An_entry_with_another_amount_is_lost()
    {
        _entries[10] = _entries[10] with { Amount = _entries[10].Amount + 1 };

        AssertFound(ViolationKind.Lost);
    }

    [Fact]
    public void An_entry_that_is_there_twice_is_a_duplicate()
    {
        _entries.Add(_entries[10] with { Position = _entries.Count + 1 });

        AssertFound(ViolationKind.Duplicate);
    }

    [Fact]
    public void An_entry_that_was_acknowledged_twice_as_new_is_a_duplicate()
    {
        _history.Add(_history.Last(operation => operation.Position > 0) with { InvokedAt = 100_000, AnsweredAt = 100_001 });

        AssertFound(ViolationKind.Duplicate);
    }

    [Fact]
    public void An_entry_that_nobody_asked_for_is_invented()
    {
        LedgerEntry last = _entries.Last(entry => entry.Account == 0);
        _entries.Add(new LedgerEntry(_entries.Count + 1, 0, last.Sequence + 7, 5, last.Balance + 5));

        AssertFound(ViolationKind.Invented);
    }

    [Fact]
    public void A_later_answer_with_an_earlier_head_went_back()
    {
        ChangeLast(operation => operation with { Stamp = operation.Stamp! with { Head = 3 } });

        AssertFound(ViolationKind.PositionWentBack);
    }

    [Fact]
    public void A_later_answer_with_an_earlier_clock_went_back()
    {
        ChangeLast(operation => operation with { Stamp = operation.Stamp! with { GuestMs = 3 } });

        AssertFound(ViolationKind.TimeWentBack);
    }

    [Fact]
    public void A_later_answer_that_forgot_answers_went_back()
    {
        ChangeLast(operation => operation with { Stamp = operation.Stamp! with { Answer = 3 } });

        AssertFound(ViolationKind.TimeWentBack);
    }

    [Fact]
    public void An_answer_of_a_boot_that_was_over_went_back()
    {
        Operation last = _history.Last(operation => operation.IsAnswered);
        Operation NewBoot(long at, string boot) => last with { Kind = OperationKind.Read, InvokedAt = at, AnsweredAt = at + 1, Stamp = last.Stamp! with { Boot = boot, Answer = at } };
        _history.AddRange([NewBoot(100_000, "second"), NewBoot(100_010, "second"), NewBoot(100_020, "boot")]);

        AssertFound(ViolationKind.TimeWentBack);
    }

    [Fact]
    public void A_reboot_of_the_guest_is_no_violation()
    {
        var restarted = new SimulatedLedger(clients: 3, seed: 8);
        List<Operation> history = restarted.Run(events: 300);
        history = [.. history.Select(operation => operation.Stamp is { GuestMs: > 150 } late
            ? operation with { Stamp = late with { Boot = "second", GuestMs = late.GuestMs - 150, Answer = late.Answer - 40 } }
            : operation)];

        Assert.Empty(LedgerChecker.Check(history, restarted.Entries));
    }

    [Fact]
    public void A_read_that_missed_what_was_acknowledged_before_it_is_not_linearizable()
    {
        int index = _history.FindLastIndex(operation => operation is { Kind: OperationKind.Read, IsAnswered: true, Sequence: > 1 });
        Operation read = _history[index];
        LedgerEntry before = _entries.Single(entry => entry.Account == read.Account && entry.Sequence == read.Sequence - 1);
        _history[index] = read with { Sequence = before.Sequence, Balance = before.Balance };

        AssertFound(ViolationKind.NotLinearizable);
    }

    [Fact]
    public void Two_entries_that_changed_places_are_not_linearizable()
    {
        Operation[] appends = [.. _history.Where(operation => operation.Position > 0).OrderBy(operation => operation.Position)];
        Operation first = appends[0];
        Operation last = appends[^1];
        _history[_history.IndexOf(first)] = first with { Position = last.Position };
        _history[_history.IndexOf(last)] = last with { Position = first.Position };

        AssertFound(ViolationKind.NotLinearizable);
    }

    [Fact]
    public void A_ledger_that_went_back_and_gave_positions_out_again_is_found()
    {
        // As a guest whose disk was rolled back while its clients were not: the last ten entries are forgotten, and others take their places.
        var ledger = new SimulatedLedger(clients: 5, seed: 20);
        List<Operation> history = ledger.Run(events: 600);
        List<LedgerEntry> entries = [.. ledger.Entries.Take(ledger.Entries.Count - 10)];
        LedgerEntry last = entries.Last(entry => entry.Account == 1);
        var again = new Operation
        {
            Kind = OperationKind.Append,
            Client = 1,
            Account = 1,
            Sequence = last.Sequence + 1,
            Amount = 77,
            Balance = last.Balance + 77,
            Position = entries.Count + 1,
            InvokedAt = 100_000,
            AnsweredAt = 100_001,
            Stamp = new LedgerStamp(entries.Count + 1, 1_000_000, "boot", 100_000),
        };
        entries.Add(new LedgerEntry(again.Position, 1, again.Sequence, 77, again.Balance));

        HashSet<ViolationKind> kinds = [.. LedgerChecker.Check([.. history, again], entries).Select(violation => violation.Kind)];

        Assert.Superset(new HashSet<ViolationKind> { ViolationKind.Lost, ViolationKind.PositionWentBack, ViolationKind.NotLinearizable }, kinds);
    }

    private void ChangeLast(Func<Operation, Operation> change)
    {
        Operation last = _history.Where(operation => operation.IsAnswered).MaxBy(operation => operation.InvokedAt)!;
        _history[_history.IndexOf(last)] = change(last);
    }

    private void AssertFound(ViolationKind kind) =>
        Assert.Contains(LedgerChecker.Check(_history, _entries), violation => violation.Kind == kind);
}
