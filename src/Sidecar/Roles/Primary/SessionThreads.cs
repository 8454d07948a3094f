// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar;

/// <summary>The threads of one replication session: the first that fails stops the others, and its exception is the session's.</summary>
internal sealed class SessionThreads : IDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly List<Thread> _threads = [];
    private Exception? _first;

    /// <param name="unblock">Called once when the session ends, to wake threads that no token reaches.</param>
    /// <param name="stop">Ends the session from outside.</param>
    public SessionThreads(Action unblock, CancellationToken stop)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(stop);
        _stop.Token.Register(unblock);
    }

    /// <summary>Runs <paramref name="body"/> on a thread of its own. Only from the creating thread, within <see cref="RunHere"/>.</summary>
    public void Start(string name, Action<CancellationToken> body)
    {
        var thread = new Thread(() => RunHere(body)) { IsBackground = true, Name = name };
        _threads.Add(thread);
        thread.Start();
    }

    /// <summary>Runs <paramref name="body"/> on this thread, under the same rule.</summary>
    public void RunHere(Action<CancellationToken> body)
    {
        try
        {
            body(_stop.Token);
        }
        catch (Exception error)
        {
            Fail(error);
        }
    }

    /// <summary>Ends the session with this exception, unless it has another already.</summary>
    public void Fail(Exception error)
    {
        Interlocked.CompareExchange(ref _first, error, null);
        try
        {
            _stop.Cancel();
        }
        catch (AggregateException)
        {
            // What failed while waking the others must not hide the first exception, nor end the process from a thread of its own.
        }
    }

    /// <summary>Waits for all threads and throws what ended the session.</summary>
    public void Join()
    {
        foreach (Thread thread in _threads)
        {
            thread.Join();
        }
        if (_first is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_first);
        }
    }

    public void Dispose() => _stop.Dispose();
}
