// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Ledger.Checking;

/// <summary>Compares what clients were told with what the ledger holds, and with what one ledger can say at all.</summary>
public static class LedgerChecker
{
    /// <summary>All violations; none when the ledger kept its word.</summary>
    /// <param name="history">Of all clients, from an empty ledger on.</param>
    /// <param name="entries">All the ledger holds, read after the last answer of the history.</param>
    public static IReadOnlyList<Violation> Check(IReadOnlyList<Operation> history, IReadOnlyList<LedgerEntry> entries) =>
        [.. Entries(LedgerState.Empty, history, entries), .. Monotony(history), .. Order(LedgerState.Empty, history)];

    /// <summary>Every acknowledged entry is there once, as it was acknowledged; every entry was asked for; numbers have no holes.</summary>
    /// <param name="before">What the ledger held when the history began; nobody asked for anything then.</param>
    /// <param name="history">Of all clients, since.</param>
    /// <param name="entries">What was added since.</param>
    public static IEnumerable<Violation> Entries(LedgerState before, IReadOnlyList<Operation> history, IReadOnlyList<LedgerEntry> entries)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(entries);
        var asked = new Dictionary<(int Account, long Sequence), Operation>();
        foreach (Operation append in history.Where(operation => operation.Kind == OperationKind.Append))
        {
            if (!asked.TryAdd((append.Account, append.Sequence), append))
            {
                yield return new Violation(ViolationKind.Duplicate, $"acknowledged twice as new: {append}");
            }
        }

        var held = new Dictionary<(int Account, long Sequence), LedgerEntry>();
        var last = new Dictionary<int, (long Sequence, long Balance)>();
        long position = before.Head;
        foreach (LedgerEntry entry in entries)
        {
            position++;
            if (!held.TryAdd((entry.Account, entry.Sequence), entry))
            {
                yield return new Violation(ViolationKind.Duplicate, $"{entry} and {held[(entry.Account, entry.Sequence)]}");
                continue;
            }

            (long Sequence, long Balance) previous = last.TryGetValue(entry.Account, out (long, long) known) ? known : before[entry.Account];
            last[entry.Account] = (entry.Sequence, entry.Balance);
            if (entry.Position != position || entry.Sequence != previous.Sequence + 1 || entry.Balance != previous.Balance + entry.Amount)
            {
                yield return new Violation(ViolationKind.Invented, $"{entry} is entry number {position} and follows {previous}");
            }

            if (!asked.TryGetValue((entry.Account, entry.Sequence), out Operation? append) || append.Amount != entry.Amount)
            {
                yield return new Violation(ViolationKind.Invented, $"nobody asked for {entry}");
            }
        }

        foreach (Operation append in asked.Values.Where(append => append.IsAnswered))
        {
            if (!held.TryGetValue((append.Account, append.Sequence), out LedgerEntry? entry))
            {
                yield return new Violation(ViolationKind.Lost, $"not in the ledger: {append}");
            }
            else if (entry.Position != append.Position || entry.Balance != append.Balance || entry.Amount != append.Amount)
            {
                yield return new Violation(ViolationKind.Lost, $"the ledger has {entry} instead of {append}");
            }
        }
    }

    /// <summary>Of two operations where one was answered before the other was asked, the later knows no less.</summary>
    public static IEnumerable<Violation> Monotony(IReadOnlyList<Operation> history)
    {
        Operation[] answered = [.. history.Where(operation => operation.IsAnswered)];
        Operation[] byAnswer = [.. answered.OrderBy(operation => operation.AnsweredAt)];
        var known = new Known();
        int next = 0;
        foreach (Operation later in answered.OrderBy(operation => operation.InvokedAt))
        {
            for (; next < byAnswer.Length && byAnswer[next].AnsweredAt < later.InvokedAt; next++)
            {
                known.Learn(byAnswer[next]);
            }

            foreach (Violation violation in known.Contradictions(later))
            {
                yield return violation;
            }
        }
    }

    /// <summary>The answers are those of one ledger that does one thing after the other.</summary>
    /// <param name="before">What the ledger held when the history began; nobody asked for anything then.</param>
    /// <param name="history">Of all clients, since.</param>
    public static IEnumerable<Violation> Order(LedgerState before, IReadOnlyList<Operation> history)
    {
        Operation? unexplained = Linearizability.FirstUnexplained(
            new LedgerSpecification(before),
            history.Select(operation => new Interval<Operation>(operation, operation.InvokedAt, operation.AnsweredAt)));
        return unexplained is null ? [] : [new Violation(ViolationKind.NotLinearizable, $"nothing explains {unexplained}")];
    }

    /// <summary>The most that answers so far have told.</summary>
    private sealed class Known
    {
        private readonly HashSet<string> _pastBoots = [];
        private Operation? _head;
        private Operation? _newestOfBoot;
        private Operation? _latestOfBoot;

        public void Learn(Operation answer)
        {
            LedgerStamp stamp = answer.Stamp!;
            if (_head is null || stamp.Head > _head.Stamp!.Head)
            {
                _head = answer;
            }

            if (_newestOfBoot is not null && _newestOfBoot.Stamp!.Boot != stamp.Boot && !_pastBoots.Contains(stamp.Boot))
            {
                _pastBoots.Add(_newestOfBoot.Stamp.Boot);
                _newestOfBoot = _latestOfBoot = null;
            }

            if (_pastBoots.Contains(stamp.Boot))
            {
                return;
            }

            _newestOfBoot = _newestOfBoot is null || stamp.Answer > _newestOfBoot.Stamp!.Answer ? answer : _newestOfBoot;
            _latestOfBoot = _latestOfBoot is null || stamp.GuestMs > _latestOfBoot.Stamp!.GuestMs ? answer : _latestOfBoot;
        }

        public IEnumerable<Violation> Contradictions(Operation later)
        {
            LedgerStamp stamp = later.Stamp!;
            if (_head is not null && stamp.Head < _head.Stamp!.Head)
            {
                yield return new Violation(ViolationKind.PositionWentBack, $"{later} after {_head}");
            }

            if (_pastBoots.Contains(stamp.Boot))
            {
                yield return new Violation(ViolationKind.TimeWentBack, $"{later} comes from a boot that was over, after {_newestOfBoot}");
            }

            if (_newestOfBoot?.Stamp!.Boot == stamp.Boot && stamp.Answer <= _newestOfBoot.Stamp.Answer)
            {
                yield return new Violation(ViolationKind.TimeWentBack, $"{later} after {_newestOfBoot}");
            }
            else if (_latestOfBoot?.Stamp!.Boot == stamp.Boot && stamp.GuestMs < _latestOfBoot.Stamp.GuestMs)
            {
                yield return new Violation(ViolationKind.TimeWentBack, $"{later} after {_latestOfBoot}");
            }
        }
    }
}
