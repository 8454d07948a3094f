// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;

namespace Hikae.Harness.Clients;

/// <summary>One question after the other on one connection, on a thread of its own, until it is disposed.</summary>
public sealed class CounterConversation : IDisposable
{
    private readonly LabGuest _guest;
    private readonly CounterClient _client;
    private readonly Thread _thread;
    private readonly Lock _gate = new();
    private volatile bool _isOver;

    // guarded by _gate
    private readonly List<long> _answers = [];
    private Exception? _failure;

    /// <summary>Connects and begins to ask.</summary>
    public CounterConversation(LabGuest guest)
    {
        ArgumentNullException.ThrowIfNull(guest);
        _guest = guest;
        _client = CounterClient.Connect(guest);
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>The numbers heard so far. Throws what ended the conversation, if anything did.</summary>
    public IReadOnlyList<long> Answers
    {
        get
        {
            lock (_gate)
            {
                return _failure is null ? [.. _answers] : throw new IOException($"The conversation ended after {_answers.Count} answers.", _failure);
            }
        }
    }

    /// <summary>Waits for more answers.</summary>
    public void WaitForMore(int count)
    {
        int wanted = Answers.Count + count;
        _guest.Lab.Until($"{count} more answers", () => Answers.Count >= wanted);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isOver = true;
        _client.Dispose();
        _thread.Join();
    }

    private void Run()
    {
        try
        {
            while (!_isOver)
            {
                long requests = _client.Ask().Requests;
                lock (_gate)
                {
                    _answers.Add(requests);
                }
            }
        }
        catch (Exception error) when (error is IOException or System.Net.Sockets.SocketException or ObjectDisposedException)
        {
            lock (_gate)
            {
                _failure = error;
            }
        }
    }
}
