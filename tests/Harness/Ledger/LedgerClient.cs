// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Hikae.Harness.Ledger;

/// <summary>One client: appends to its own account, reads everybody's, one operation at a time.</summary>
/// <remarks>
/// When the connection breaks, the outcome of the operation is unknown. It connects again, reads its account, which tells whether the append happened,
/// and asks for the same sequence number again: if it did happen the first answer comes again, if not it happens now. Both are on
/// record: the read as an operation of its own, the append as one that took as long as all of this. When the ledger has forgotten entries that it had
/// acknowledged, the client reads its account, which puts that on record, and goes on from there.
/// </remarks>
internal sealed class LedgerClient(Func<Socket> makeSocket, IPAddress address, int number, int accounts, Random random, History history)
{
    // TCP waits for longer and longer between two tries; a failover on a busy machine takes some seconds.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static readonly TimeSpan PauseBeforeNextTry = TimeSpan.FromMilliseconds(200);

    private LedgerConnection? _connection;
    private long _sequence;
    private bool _hasForgotten;
    private bool _idle;
    private int _broken;
    private int _answered;

    public int Number => number;

    public int BrokenConnections => Volatile.Read(ref _broken);

    public int Answered => Volatile.Read(ref _answered);

    /// <summary>Between two operations, and none begins while the signal is not set.</summary>
    public bool IsIdle => Volatile.Read(ref _idle);

    public void Run(ManualResetEventSlim go, CancellationToken stop)
    {
        try
        {
            while (!stop.IsCancellationRequested)
            {
                if (!go.IsSet)
                {
                    Volatile.Write(ref _idle, true);
                    WaitHandle.WaitAny([go.WaitHandle, stop.WaitHandle]);
                    Volatile.Write(ref _idle, false);
                    continue;
                }

                if (random.Next(3) > 0)
                {
                    Append(stop);
                }
                else
                {
                    Read(random.Next(accounts), stop);
                }

                stop.WaitHandle.WaitOne(random.Next(5, 30));
            }
        }
        finally
        {
            Volatile.Write(ref _idle, true);
            _connection?.Dispose();
        }
    }

    private void Append(CancellationToken stop)
    {
        var asked = new Operation
        {
            Kind = OperationKind.Append,
            Client = number,
            Account = number,
            Sequence = _sequence + 1,
            Amount = random.Next(-1000, 1001),
            InvokedAt = Stopwatch.GetTimestamp(),
        };
        _sequence++;
        for (int attempt = 1; ; attempt++)
        {
            if (TryAsk(connection => connection.Append(number, asked.Sequence, asked.Amount), out (long Balance, long Position, LedgerStamp Stamp) answer))
            {
                Note(asked with
                {
                    AnsweredAt = Stopwatch.GetTimestamp(),
                    Balance = answer.Balance,
                    Position = answer.Position,
                    Stamp = answer.Stamp,
                    Attempts = attempt,
                });
                return;
            }

            if (_hasForgotten)
            {
                _hasForgotten = false;
                _sequence = Read(number, stop) ?? _sequence;
                return;
            }

            if (stop.WaitHandle.WaitOne(PauseBeforeNextTry))
            {
                history.Add(asked with { Attempts = attempt });
                return;
            }

            Read(number, stop);
        }
    }

    /// <summary>The sequence number read; null when the clients were stopped before.</summary>
    private long? Read(int account, CancellationToken stop)
    {
        while (true)
        {
            // A read without an answer changed nothing and told nothing: only the one that is answered is noted.
            long invokedAt = Stopwatch.GetTimestamp();
            if (TryAsk(connection => connection.Read(account), out (long Sequence, long Balance, LedgerStamp Stamp) answer))
            {
                Note(new Operation
                {
                    Kind = OperationKind.Read,
                    Client = number,
                    Account = account,
                    Sequence = answer.Sequence,
                    Balance = answer.Balance,
                    Stamp = answer.Stamp,
                    InvokedAt = invokedAt,
                    AnsweredAt = Stopwatch.GetTimestamp(),
                });
                return answer.Sequence;
            }

            if (stop.WaitHandle.WaitOne(PauseBeforeNextTry))
            {
                return null;
            }
        }
    }

    private bool TryAsk<T>(Func<LedgerConnection, T> ask, out T answer)
    {
        answer = default!;
        try
        {
            _connection ??= LedgerConnection.Open(makeSocket, address, Patience);
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            return false;
        }

        try
        {
            answer = ask(_connection);
            return true;
        }
        catch (LedgerException refusal) when (refusal.IsGap)
        {
            _hasForgotten = true;
            return false;
        }
        catch (Exception error) when (error is IOException or SocketException)
        {
            Interlocked.Increment(ref _broken);
            _connection.Dispose();
            _connection = null;
            return false;
        }
    }

    private void Note(Operation operation)
    {
        history.Add(operation);
        Interlocked.Increment(ref _answered);
    }
}
