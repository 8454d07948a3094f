// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.ExceptionServices;

namespace Hikae.Sidecar.Capture;

/// <summary>Threads that help another one through its pieces of work while a guest stands still.</summary>
/// <remarks>
/// Theory of operation. Whoever has the work takes piece after piece, and so does each helper that is awake by then. At the end only pieces that a helper has begun are
/// waited for: one that gets no processor delays nobody. The runtime's pool is not asked: its <c>Parallel</c> waits for threads that have not begun, and other work may have taken them.
/// </remarks>
internal sealed class ScanThreads : IDisposable
{
    private readonly SemaphoreSlim _work = new(0);
    private readonly Thread[] _helpers;
    private volatile Round? _round;
    private volatile bool _ended;

    /// <param name="count">Helpers, beside the thread that calls <see cref="Do"/>.</param>
    public ScanThreads(int count)
    {
        _helpers = [.. Enumerable.Range(1, count).Select(number => new Thread(Help) { IsBackground = true, Name = $"scan {number}" })];
        foreach (Thread helper in _helpers)
        {
            helper.Start();
        }
    }

    /// <summary>Calls <paramref name="piece"/> with each number from 0 up to <paramref name="count"/>, on several threads, and returns when all are done. One caller at a time.</summary>
    /// <remarks>Throws what a piece has thrown; the others are done all the same.</remarks>
    public void Do(int count, Action<int> piece)
    {
        var round = new Round(count, piece);
        _round = round;
        _work.Release(_helpers.Length);
        round.Join();
        round.Wait();
    }

    public void Dispose()
    {
        _ended = true;
        _work.Release(_helpers.Length);
        foreach (Thread helper in _helpers)
        {
            helper.Join();
        }
        _work.Dispose();
    }

    private void Help()
    {
        for (_work.Wait(); !_ended; _work.Wait())
        {
            // A helper that wakes late finds nothing, or the next round, which it may as well help with.
            _round?.Join();
        }
    }

    /// <summary>The pieces of one call: a helper that is late for it can disturb no other.</summary>
    private sealed class Round
    {
        private readonly int _count;
        private readonly Action<int> _piece;
        private readonly object _gate = new();
        private int _next = -1;
        private int _left;
        private Exception? _error;

        public Round(int count, Action<int> piece)
        {
            _count = _left = count;
            _piece = piece;
        }

        public void Join()
        {
            for (int i = Interlocked.Increment(ref _next); i < _count; i = Interlocked.Increment(ref _next))
            {
                try
                {
                    _piece(i);
                }
                catch (Exception e)
                {
                    Interlocked.CompareExchange(ref _error, e, null);
                }
                if (Interlocked.Decrement(ref _left) == 0)
                {
                    lock (_gate)
                    {
                        Monitor.Pulse(_gate);
                    }
                }
            }
        }

        public void Wait()
        {
            lock (_gate)
            {
                while (Volatile.Read(ref _left) > 0)
                {
                    Monitor.Wait(_gate);
                }
            }
            if (_error is { } error)
            {
                // Whoever asked knows what one thread would have thrown.
                ExceptionDispatchInfo.Throw(error);
            }
        }
    }
}
