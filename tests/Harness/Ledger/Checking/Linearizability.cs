// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Ledger.Checking;

/// <summary>Whether a history could have come from one object used by one client at a time, each operation taking effect between its invocation and its answer.</summary>
/// <remarks>
/// Wing and Gong's search in Lowe's just-in-time form: events are taken in the order of time, and all states are kept that the object can be in,
/// each with the operations that took effect but are not answered yet. At an answer, states in which that operation took effect already are kept;
/// the others are tried with every order of pending operations that ends with it. Equal states are kept once. No state left: not linearizable.
/// Memory is bounded by what goes on at one time, not by the length of the history.
/// </remarks>
public static class Linearizability
{
    // One bit each. Clients have one operation at a time; those whose outcome stays unknown add up.
    private const int MaxPending = 64;

    // Far above what any recorded history needs; beyond it the search would not end.
    private const int MaxConfigurations = 200_000;

    /// <summary>The first answer in time that no order explains; null when the history is linearizable.</summary>
    public static TOperation? FirstUnexplained<TState, TOperation>(
        ISequentialObject<TState, TOperation> specification, IEnumerable<Interval<TOperation>> history)
        where TState : IEquatable<TState>
        where TOperation : class
    {
        ArgumentNullException.ThrowIfNull(specification);
        var search = new Search<TState, TOperation>(specification);
        foreach ((_, bool isAnswer, Interval<TOperation> interval) in Events(history))
        {
            if (!isAnswer)
            {
                search.Invoke(interval);
            }
            else if (!search.Answer(interval))
            {
                return interval.Operation;
            }
        }

        return null;
    }

    // At one and the same moment invocations come first: what touches is taken as concurrent.
    private static IEnumerable<(long At, bool IsAnswer, Interval<TOperation> Interval)> Events<TOperation>(IEnumerable<Interval<TOperation>> history) =>
        history
            .SelectMany(interval => interval.AnsweredAt is { } answeredAt
                ? new[] { (At: interval.InvokedAt, IsAnswer: false, Interval: interval), (At: answeredAt, IsAnswer: true, Interval: interval) }
                : [(At: interval.InvokedAt, IsAnswer: false, Interval: interval)])
            .OrderBy(moment => moment.At).ThenBy(moment => moment.IsAnswer);

    private sealed class Search<TState, TOperation>(ISequentialObject<TState, TOperation> specification)
        where TState : IEquatable<TState>
        where TOperation : class
    {
        private readonly TOperation?[] _pending = new TOperation?[MaxPending];
        private readonly Dictionary<Interval<TOperation>, int> _slots = new(ReferenceEqualityComparer.Instance);
        private HashSet<(TState State, ulong Done)> _configurations = [(specification.Initial, 0)];

        public void Invoke(Interval<TOperation> interval)
        {
            int slot = Array.IndexOf(_pending, null);
            if (slot < 0)
            {
                throw new InvalidOperationException($"more than {MaxPending} operations at one time");
            }

            _pending[slot] = interval.Operation;
            _slots.Add(interval, slot);
        }

        public bool Answer(Interval<TOperation> interval)
        {
            int slot = _slots[interval];
            ulong bit = 1UL << slot;
            var tried = new HashSet<(TState State, ulong Done)>(_configurations);
            var toTry = new Stack<(TState State, ulong Done)>(_configurations);
            var next = new HashSet<(TState State, ulong Done)>();
            while (toTry.TryPop(out (TState State, ulong Done) configuration))
            {
                if ((configuration.Done & bit) != 0)
                {
                    next.Add((configuration.State, configuration.Done & ~bit));
                    continue;
                }

                foreach ((TState State, ulong Done) follower in Followers(configuration))
                {
                    if (tried.Add(follower))
                    {
                        toTry.Push(follower);
                    }
                }

                if (tried.Count > MaxConfigurations)
                {
                    throw new InvalidOperationException("too many states: the history cannot be decided");
                }
            }

            _pending[slot] = null;
            _slots.Remove(interval);
            _configurations = next;
            return next.Count > 0;
        }

        private IEnumerable<(TState State, ulong Done)> Followers((TState State, ulong Done) configuration)
        {
            for (int slot = 0; slot < MaxPending; slot++)
            {
                if (_pending[slot] is { } operation
                    && (configuration.Done & (1UL << slot)) == 0
                    && specification.TryApply(configuration.State, operation, out TState state))
                {
                    yield return (state, configuration.Done | (1UL << slot));
                }
            }
        }
    }
}
