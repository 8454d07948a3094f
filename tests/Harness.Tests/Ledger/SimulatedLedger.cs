// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Ledger;

namespace Hikae.Harness.Tests.Ledger;

/// <summary>A ledger with concurrent clients, in memory and by a clock that counts events: histories of it are right by construction.</summary>
internal sealed class SimulatedLedger(int clients, int seed)
{
    private readonly Random _random = new(seed);
    private readonly List<Operation> _history = [];
    private readonly Dictionary<int, Operation> _asked = [];
    private readonly Dictionary<int, Operation> _done = [];
    private readonly Dictionary<int, (long Sequence, long Balance)> _accounts = [];
    private long _clock;
    private long _answers;

    public List<LedgerEntry> Entries { get; } = [];

    /// <summary>What clients were told, and what they were not told any more.</summary>
    public List<Operation> Run(int events)
    {
        for (int i = 0; i < events; i++)
        {
            Step(_random.Next(clients));
        }

        _history.AddRange(_asked.Values);
        _history.AddRange(_done.Values.Select(done => done with { AnsweredAt = null, Stamp = null, Position = 0, Balance = 0 }).Where(lost => lost.Kind == OperationKind.Append));
        return _history;
    }

    /// <summary>A client asks, the ledger does what was asked, or the client hears of it: whatever is next for this client.</summary>
    private void Step(int client)
    {
        _clock++;
        if (_done.Remove(client, out Operation? done))
        {
            _history.Add(done with { AnsweredAt = _clock });
        }
        else if (_asked.Remove(client, out Operation? asked))
        {
            _done.Add(client, Do(asked));
        }
        else
        {
            _asked.Add(client, Ask(client));
        }
    }

    private Operation Ask(int client)
    {
        var read = new Operation { Kind = OperationKind.Read, Client = client, Account = _random.Next(clients), InvokedAt = _clock };
        return _random.Next(2) == 0
            ? read
            : read with { Kind = OperationKind.Append, Account = client, Sequence = _accounts.GetValueOrDefault(client).Sequence + 1, Amount = _random.Next(100) };
    }

    private Operation Do(Operation asked)
    {
        (long sequence, long balance) = _accounts.GetValueOrDefault(asked.Account);
        Operation done = asked with { Sequence = sequence, Balance = balance };
        if (asked.Kind == OperationKind.Append)
        {
            done = asked with { Balance = balance + asked.Amount, Position = Entries.Count + 1 };
            _accounts[asked.Account] = (done.Sequence, done.Balance);
            Entries.Add(new LedgerEntry(done.Position, done.Account, done.Sequence, done.Amount, done.Balance));
        }

        return done with { Stamp = new LedgerStamp(Entries.Count, ++_answers, "boot", _clock), AnsweredAt = _clock };
    }
}
