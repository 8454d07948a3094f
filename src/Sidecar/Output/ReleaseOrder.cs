// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Output;

/// <summary>Which epochs of one session may be released: those that are durable, and no epoch before all earlier ones. Any thread, one at a time.</summary>
internal sealed class ReleaseOrder
{
    private readonly Queue<EpochId> _committed = new();
    private readonly HashSet<EpochId> _durable = [];
    private bool _isOver;

    /// <summary>The backup holds it. Called in order.</summary>
    public void Commit(EpochId epoch) => _committed.Enqueue(epoch);

    /// <summary>What the guest flushed in it is on the shared image. Returns the newest epoch that may be released with it, or null.</summary>
    public EpochId? Durable(EpochId epoch)
    {
        _durable.Add(epoch);
        EpochId? newest = null;
        while (_committed.TryPeek(out EpochId oldest) && _durable.Remove(oldest))
        {
            newest = _committed.Dequeue();
        }
        return _isOver ? null : newest;
    }

    /// <summary>The session is over: epoch numbers begin anew, and what becomes durable late releases nothing.</summary>
    public void End() => _isOver = true;
}
