// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Recovery;

/// <summary>Lets the images of a primary's guest be written while its lease says so, and not a moment longer.</summary>
/// <remarks>
/// The lease's events come on several threads, and one that is late may come after the next. So none of them says what to do: each makes this look at the lease again,
/// and looking and acting are one step. After every change of the lease there is an event, so whatever order they come in, the last to act has seen the newest state.
/// Any thread.
/// </remarks>
internal sealed class ImageGate
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    // set once
    private readonly LeaseKeeper _lease;
    private readonly Action<bool> _allow;
    private readonly Func<TimeSpan, bool> _waitIdle;
    private readonly Lock _gate = new();

    // written under _gate
    private volatile bool _isAllowed;

    // guarded by _gate
    private bool _isClosed;

    /// <param name="lease">Followed from now on. Its other handlers of a loss find that no write is under way.</param>
    /// <param name="allow">Lets writes to the images begin, or no more. Does not wait.</param>
    /// <param name="waitIdle">Waits until no write is under way; false: not within that time.</param>
    public ImageGate(LeaseKeeper lease, Action<bool> allow, Func<TimeSpan, bool> waitIdle)
    {
        _lease = lease;
        _allow = allow;
        _waitIdle = waitIdle;
        lease.Lost += FollowUntilIdle;
        lease.Taken += FollowUntilIdle;
        lease.Regained += Follow;
        Follow();
    }

    /// <summary>Nothing is written from now on, whatever the lease says: this host gives the guest away, or has lost it. Does not wait.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            Look();
        }
    }

    /// <summary>The same, and when this returns no write is under way. The kernel ends this process if the storage takes too long.</summary>
    public void CloseUntilIdle()
    {
        Close();
        FollowUntilIdle();
    }

    /// <summary>The guest goes on here: the lease decides again.</summary>
    public void Open()
    {
        lock (_gate)
        {
            _isClosed = false;
            Look();
        }
    }

    private void Follow()
    {
        lock (_gate)
        {
            Look();
        }
    }

    private void FollowUntilIdle()
    {
        Follow();
        while (!_isAllowed && !_waitIdle(LookAgain))
        {
        }
    }

    /// <summary>Under _gate.</summary>
    private void Look()
    {
        _isAllowed = !_isClosed && _lease.MayWrite;
        _allow(_isAllowed);
    }
}
