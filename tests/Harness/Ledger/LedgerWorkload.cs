// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net;
using System.Net.Sockets;

namespace Hikae.Harness.Ledger;

/// <summary>Clients outside the guest that use the ledger without pause and record everything, through broken connections and dead hosts.</summary>
public sealed class LedgerWorkload : IDisposable
{
    private readonly LedgerClient[] _clients;
    private readonly Thread[] _threads;
    private readonly CancellationTokenSource _stop = new();
    private readonly ManualResetEventSlim _go = new(initialState: true);
    private readonly List<Exception> _faults = [];

    /// <summary>Starts them.</summary>
    /// <param name="makeSocket">Makes a TCP socket in the network of the clients.</param>
    /// <param name="address">The guest.</param>
    /// <param name="clients">How many; each has an account and a connection of its own.</param>
    /// <param name="seed">Of what they choose to do.</param>
    public LedgerWorkload(Func<Socket> makeSocket, IPAddress address, int clients, int seed)
    {
        _clients = [.. Enumerable.Range(0, clients).Select(number =>
            new LedgerClient(makeSocket, address, number, clients, new Random((seed * 1000) + number), History))];
        _threads = [.. _clients.Select(client => new Thread(() => Run(client)) { IsBackground = true, Name = $"ledger client {client.Number}" })];
        foreach (Thread thread in _threads)
        {
            thread.Start();
        }
    }

    /// <summary>All they asked and were told.</summary>
    public History History { get; } = new();

    /// <summary>How often a connection broke.</summary>
    public int BrokenConnections => _clients.Sum(client => client.BrokenConnections);

    /// <summary>Answered operations of the client that has least of them.</summary>
    public int LeastAnswered => _clients.Min(client => client.Answered);

    /// <summary>Lets each end the operation it is in, and no other begin. False when some have no answer by then.</summary>
    public bool TryPause(TimeSpan patience)
    {
        _go.Reset();
        return SpinWait.SpinUntil(() => _clients.All(client => client.IsIdle), patience);
    }

    /// <summary>They go on after a pause.</summary>
    public void Resume() => _go.Set();

    /// <summary>Ends them after the operation each is in, and throws what they could not cope with. An operation without an answer is noted as unknown.</summary>
    public void Stop()
    {
        _stop.Cancel();
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }

        lock (_faults)
        {
            if (_faults.Count > 0)
            {
                throw new AggregateException(_faults);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }

        _stop.Dispose();
        _go.Dispose();
    }

    private void Run(LedgerClient client)
    {
        try
        {
            client.Run(_go, _stop.Token);
        }
        catch (Exception fault) when (fault is LedgerException or FormatException or OverflowException)
        {
            lock (_faults)
            {
                _faults.Add(fault);
            }
        }
    }
}
