// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Host.Tests;

/// <summary>A clock whose timers fire only after they were disposed: a callback that had begun already runs on, and dispose does not wait for it.</summary>
internal sealed class LateTimers : TimeProvider
{
    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly List<LateTimer> _disposed = [];

    /// <summary>How many there are by now.</summary>
    public int Disposed
    {
        get
        {
            lock (_gate)
            {
                return _disposed.Count;
            }
        }
    }

    /// <summary>These never fire.</summary>
    public void Forget()
    {
        lock (_gate)
        {
            _disposed.Clear();
        }
    }

    public void Fire()
    {
        LateTimer[] timers;
        lock (_gate)
        {
            timers = [.. _disposed];
            _disposed.Clear();
        }
        Array.ForEach(timers, timer => timer.Fire());
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => new LateTimer(this, callback, state);

    private void Add(LateTimer timer)
    {
        lock (_gate)
        {
            _disposed.Add(timer);
        }
    }

    private sealed class LateTimer(LateTimers clock, TimerCallback callback, object? state) : ITimer
    {
        private int _isDisposed;

        public void Fire() => callback(state);

        public bool Change(TimeSpan dueTime, TimeSpan period) => Volatile.Read(ref _isDisposed) == 0;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isDisposed, 1) == 0)
            {
                clock.Add(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
