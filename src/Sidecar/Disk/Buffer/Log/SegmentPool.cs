// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Buffer;

/// <summary>The segments that hold no part of the log. The one freed last is used first: its bytes are still in the processor's cache.</summary>
/// <remarks>Memory that stayed unused for a while goes back to the host. Called under the buffer's lock.</remarks>
internal sealed class SegmentPool
{
    private readonly BufferFile _file;
    private readonly TimeProvider _clock;
    private readonly Stack<int> _ready = [];
    private readonly Stack<int> _bare = [];
    private int _fewestReady;
    private long _windowBegan;

    public SegmentPool(BufferFile file, IEnumerable<BufferSegment> inUse, TimeProvider clock)
    {
        _file = file;
        _clock = clock;
        _windowBegan = clock.GetTimestamp();
        HashSet<int> taken = [.. inUse.Select(segment => segment.Index)];
        for (int i = file.SegmentCount - 1; i >= 0; i--)
        {
            if (!taken.Contains(i))
            {
                // A predecessor may have left memory there; it is allocated again before use.
                _file.Release(i);
                _bare.Push(i);
            }
        }
    }

    /// <summary>Makes this many ready to be taken. False: there is no room, or no memory.</summary>
    public bool TryReserve(int count)
    {
        while (_ready.Count < count)
        {
            if (_bare.Count == 0 || !_file.TryAllocate(_bare.Peek()))
            {
                return false;
            }

            _ready.Push(_bare.Pop());
        }

        return true;
    }

    /// <summary>One that is ready. Only after <see cref="TryReserve"/> said yes.</summary>
    public int Take()
    {
        int taken = _ready.Pop();
        _fewestReady = Math.Min(_fewestReady, _ready.Count);
        return taken;
    }

    /// <summary>Nobody looks at it any more.</summary>
    public void Return(int segment)
    {
        _ready.Push(segment);
        if (_clock.GetElapsedTime(_windowBegan) < BufferLimits.IdleSegments)
        {
            return;
        }

        // This many lay idle through the whole window. One stays, for the next control entry.
        for (int idle = Math.Min(_fewestReady, _ready.Count) - 1; idle > 0; idle--)
        {
            int released = _ready.Pop();
            _file.Release(released);
            _bare.Push(released);
        }

        _fewestReady = _ready.Count;
        _windowBegan = _clock.GetTimestamp();
    }
}
