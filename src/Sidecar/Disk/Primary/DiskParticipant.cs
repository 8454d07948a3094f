// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Buffer;
using Hikae.Sidecar.Disk.Content;
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Disk.Primary;

/// <summary>The guest's disks as the epoch sees them: what was written in it waits here for the commit, and travels to the backup.</summary>
/// <remarks>
/// Theory of operation. The first epoch ends pass-through: everything before it is in the images, durable, as the guest's own stop flushed it. From then on
/// each epoch's writes are sealed with the rest, sent, and written to the images once the backup has the epoch. When they are durable there, the backup is
/// told to forget them, and whoever waits for a flush of the guest's goes on.
///
/// Invariant: the backup holds every write that an image may hold in part only.
/// </remarks>
internal sealed class DiskParticipant : IEpochParticipant
{
    private readonly IReadOnlyList<InterposedDisk> _disks;
    private readonly EpochQueue _queue;
    private readonly ContentIndex? _content;
    private readonly DiskScan? _scan;
    private readonly Action _check;
    private readonly Action<ulong>[] _onFlushed;
    private readonly Lock _gate = new();

    // checkpoint thread only
    private bool _isHolding;
    private bool _isFirst;

    // guarded by _gate
    private readonly ulong[] _flushed;
    private readonly SortedSet<ulong> _withFlush = [];
    private readonly Queue<(ulong Epoch, Action Action)> _waiting = new();
    private ulong _flushedThrough;
    private bool _ended;

    /// <param name="disks">The interposed disks.</param>
    /// <param name="queue">Where the epoch's writes go.</param>
    /// <param name="content">What the disks' blocks are; its epochs are these from now on.</param>
    /// <param name="scan">Looks through the disks, once the first epoch is committed.</param>
    /// <param name="check">Throws when a disk of the guest does not write through us: an epoch must not be committed then.</param>
    public DiskParticipant(IReadOnlyList<InterposedDisk> disks, EpochQueue queue, ContentIndex? content, DiskScan? scan, Action check)
    {
        _content = content;
        _scan = scan;
        _content?.BeginSession([.. disks.Select(disk => disk.Content)]);
        _check = check;
        _disks = disks;
        _queue = queue;
        _flushed = new ulong[disks.Count];
        _onFlushed = [.. disks.Select((_, index) => (Action<ulong>)(epoch => OnFlushed(index, epoch)))];
        for (int i = 0; i < disks.Count; i++)
        {
            disks[i].Served.Flushed += _onFlushed[i];
        }
    }

    /// <summary>How far the disks are looked through; null: they are not. Any thread.</summary>
    public DiskScanProgress? Scan => _scan?.Progress;

    /// <summary>Bytes acknowledged to the guest and not yet in the images. Any thread.</summary>
    public long BufferedBytes => _disks.Sum(disk => disk.Served.BufferedBytes);

    public void Prepare(EpochId epoch, CancellationToken cancellationToken)
    {
        if (_isHolding)
        {
            foreach (InterposedDisk disk in _disks)
            {
                disk.Served.PrepareSeal();
            }
        }
    }

    public bool TrySeal(EpochId epoch, PauseTimings pause, CancellationToken cancellationToken)
    {
        _isFirst = !_isHolding;
        bool holdsFlush = false;
        // First: whatever a disk takes after its own seal must not look older.
        _content?.Seal(epoch.Value);
        foreach (InterposedDisk disk in _disks)
        {
            if (_isHolding)
            {
                holdsFlush |= disk.Served.Seal(epoch.Value);
            }
            else
            {
                disk.Served.Hold(awaitFirstCommit: true);
            }
        }
        _isHolding = true;
        if (_content is { HasStale: true })
        {
            // Capture has taken those of the epoch. A guest that stands still writes nothing; whoever did, the pages are not in this epoch.
            throw new NotProtectableException("a disk was written while the guest stood still");
        }
        if (holdsFlush)
        {
            lock (_gate)
            {
                _withFlush.Add(epoch.Value);
            }
        }
        return true;
    }

    public void Resumed(EpochId epoch)
    {
        _check();
        if (_isFirst)
        {
            _queue.Add(new EpochPart.Disks(new DiskList([.. _disks.Select(disk => disk.Info)])), CancellationToken.None);
            return;
        }
        for (int i = 0; i < _disks.Count; i++)
        {
            EpochBuffer buffer = _disks[i].Buffer;
            _queue.Add(new EpochPart.DiskWrites(i, buffer.HoldsFlush(epoch.Value), buffer.ReadEpoch(epoch.Value)), CancellationToken.None);
        }
    }

    public void Commit(EpochId epoch)
    {
        foreach (InterposedDisk disk in _disks)
        {
            disk.Served.Commit(epoch.Value);
        }
        // What the backup has, the link's thread has seen, and so the index.
        _scan?.Start();
    }

    public void Abort(EpochId epoch)
    {
        // Whether the writes go to the images or nowhere is decided by who owns the guest then.
    }

    /// <summary>
    /// Runs <paramref name="action"/> when nothing that the guest flushed in <paramref name="epoch"/> or before is missing in the images; at once when that is
    /// so. Called in the order of epochs, after their commit; actions run in that order, on this or a disk's thread.
    /// </summary>
    public void WhenDurable(EpochId epoch, Action action)
    {
        lock (_gate)
        {
            if (_waiting.Count > 0 || FlushIsMissing(epoch.Value))
            {
                _waiting.Enqueue((epoch.Value, action));
                return;
            }
        }
        action();
    }

    /// <summary>The session is over: nothing is sent or waited for any more.</summary>
    public void End()
    {
        _scan?.End();
        for (int i = 0; i < _disks.Count; i++)
        {
            _disks[i].Served.Flushed -= _onFlushed[i];
        }
        lock (_gate)
        {
            _ended = true;
            _waiting.Clear();
        }
    }

    private bool FlushIsMissing(ulong epoch) => _withFlush.Count > 0 && _withFlush.Min <= epoch;

    private void OnFlushed(int disk, ulong epoch)
    {
        var ready = new List<Action>();
        lock (_gate)
        {
            _flushed[disk] = Math.Max(_flushed[disk], epoch);
            ulong through = _flushed.Min();
            if (_ended || through <= _flushedThrough)
            {
                return;
            }
            _flushedThrough = through;
            _withFlush.RemoveWhere(one => one <= through);
            while (_waiting.TryPeek(out (ulong Epoch, Action Action) next) && !FlushIsMissing(next.Epoch))
            {
                ready.Add(_waiting.Dequeue().Action);
            }
            _queue.TryAdd(new EpochPart.DiskFlushed(new EpochId(through)));
            // Under the gate, so that no later action overtakes: they only hand packets over.
            ready.ForEach(action => action());
        }
    }
}
