// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Buffer;

/// <summary>Which parts of the disk are in the buffer, and where: intervals that never overlap, the newest write of each byte.</summary>
/// <remarks>
/// A sorted list cut into chunks, so that an insertion moves little and a search stays in few cache lines. Not safe for several threads:
/// <see cref="EpochBuffer"/> calls it under its lock.
/// </remarks>
internal sealed class OverlayIndex
{
    private const int ChunkCapacity = 128;

    // Random writes split chunks and drops empty them, thousands a second.
    private const int MaxSpares = 64;

    private readonly List<Chunk> _chunks = [];
    private readonly Stack<Chunk> _spares = [];

    /// <summary>Number of intervals.</summary>
    public int Count { get; private set; }

    /// <summary>This is the newest write of its bytes.</summary>
    public void Put(in OverlayInterval added)
    {
        (int chunk, int item) = FirstEndingAfter(added.Start);
        if (chunk < _chunks.Count)
        {
            ref OverlayInterval left = ref _chunks[chunk].Items[item];
            if (left.Start < added.Start)
            {
                OverlayInterval whole = left;
                left = whole.Before(added.Start);
                Advance(ref chunk, ref item);
                if (whole.End > added.End)
                {
                    // An insertion may move what follows to another chunk, so the second one looks for its place again.
                    Insert(chunk, item, whole.From(added.End));
                    (chunk, item) = FirstEndingAfter(added.Start);
                    Insert(chunk, item, added);
                    return;
                }
            }

            RemoveCovered(ref chunk, ref item, added.End);
        }

        Insert(chunk, item, added);
    }

    /// <summary>Forgets what was written to the log before <paramref name="address"/>.</summary>
    public void ForgetBefore(long address)
    {
        int kept = 0;
        Count = 0;
        for (int c = 0; c < _chunks.Count; c++)
        {
            Chunk chunk = _chunks[c];
            int count = 0;
            for (int i = 0; i < chunk.Count; i++)
            {
                if (chunk.Items[i].Address >= address)
                {
                    chunk.Items[count++] = chunk.Items[i];
                }
            }

            chunk.Count = count;
            Count += count;
            if (kept > 0 && _chunks[kept - 1].Count + count <= ChunkCapacity / 2)
            {
                Chunk before = _chunks[kept - 1];
                chunk.Items.AsSpan(0, count).CopyTo(before.Items.AsSpan(before.Count));
                before.Count += count;
                Keep(chunk);
            }
            else if (count > 0)
            {
                _chunks[kept++] = chunk;
            }
            else
            {
                Keep(chunk);
            }
        }

        _chunks.RemoveRange(kept, _chunks.Count - kept);
    }

    public void Clear()
    {
        _chunks.Clear();
        Count = 0;
    }

    /// <summary>The intervals that touch the disk's bytes from <paramref name="start"/> to before <paramref name="end"/>, in order, cut to them.</summary>
    public Walk Between(long start, long end)
    {
        (int chunk, int item) = FirstEndingAfter(start);
        return new Walk(_chunks, chunk, item, start, end);
    }

    private (int Chunk, int Item) FirstEndingAfter(long offset)
    {
        int low = 0;
        int high = _chunks.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_chunks[middle].Last.End > offset)
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        if (low == _chunks.Count)
        {
            return (low, 0);
        }

        OverlayInterval[] items = _chunks[low].Items;
        int first = 0;
        int last = _chunks[low].Count;
        while (first < last)
        {
            int middle = (first + last) >>> 1;
            if (items[middle].End > offset)
            {
                last = middle;
            }
            else
            {
                first = middle + 1;
            }
        }

        return (low, first);
    }

    // From here on: those that end by end go, one that goes on after it loses its beginning.
    private void RemoveCovered(ref int chunk, ref int item, long end)
    {
        while (chunk < _chunks.Count)
        {
            Chunk current = _chunks[chunk];
            int next = item;
            while (next < current.Count && current.Items[next].End <= end)
            {
                next++;
            }

            current.Remove(item, next - item);
            Count -= next - item;
            if (item < current.Count)
            {
                ref OverlayInterval right = ref current.Items[item];
                if (right.Start < end)
                {
                    right = right.From(end);
                }

                return;
            }

            if (current.Count == 0)
            {
                Keep(current);
                _chunks.RemoveAt(chunk);
            }
            else
            {
                chunk++;
            }

            item = 0;
        }
    }

    private void Advance(ref int chunk, ref int item)
    {
        if (++item == _chunks[chunk].Count)
        {
            chunk++;
            item = 0;
        }
    }

    private void Insert(int chunk, int item, in OverlayInterval added)
    {
        Count++;

        // At the start of a chunk it may as well go to the end of the one before, which is what a sequential writer does.
        if (item == 0 && chunk > 0 && (chunk == _chunks.Count || _chunks[chunk - 1].Count < ChunkCapacity))
        {
            chunk--;
            item = _chunks[chunk].Count;
        }

        if (chunk == _chunks.Count)
        {
            _chunks.Add(NewChunk());
        }

        Chunk target = _chunks[chunk];
        if (target.Count == ChunkCapacity)
        {
            // Appended at the end: leave the full one full. In the middle: halves.
            int keep = item == ChunkCapacity ? ChunkCapacity : ChunkCapacity / 2;
            Chunk right = NewChunk();
            target.Items.AsSpan(keep).CopyTo(right.Items);
            right.Count = ChunkCapacity - keep;
            target.Count = keep;
            _chunks.Insert(chunk + 1, right);
            if (item > keep || keep == ChunkCapacity)
            {
                item -= keep;
                target = right;
            }
        }

        target.Insert(item, added);
    }

    private Chunk NewChunk() => _spares.TryPop(out Chunk? spare) ? spare : new Chunk();

    private void Keep(Chunk empty)
    {
        if (_spares.Count < MaxSpares)
        {
            empty.Count = 0;
            _spares.Push(empty);
        }
    }

    internal sealed class Chunk
    {
        public readonly OverlayInterval[] Items = new OverlayInterval[ChunkCapacity];
        public int Count;

        public ref OverlayInterval Last => ref Items[Count - 1];

        public void Insert(int at, in OverlayInterval added)
        {
            Items.AsSpan(at, Count - at).CopyTo(Items.AsSpan(at + 1));
            Items[at] = added;
            Count++;
        }

        public void Remove(int at, int count)
        {
            Items.AsSpan(at + count, Count - at - count).CopyTo(Items.AsSpan(at));
            Count -= count;
        }
    }

    /// <summary>Valid until the index changes.</summary>
    internal ref struct Walk(List<Chunk> chunks, int chunk, int item, long start, long end)
    {
        private int _chunk = chunk;
        private int _item = item;

        public OverlayInterval Current { get; private set; }

        public readonly Walk GetEnumerator() => this;

        public bool MoveNext()
        {
            if (_chunk >= chunks.Count)
            {
                return false;
            }

            Chunk here = chunks[_chunk];
            OverlayInterval found = here.Items[_item];
            if (found.Start >= end)
            {
                return false;
            }

            if (++_item == here.Count)
            {
                _chunk++;
                _item = 0;
            }

            found = found.Start < start ? found.From(start) : found;
            Current = found.End > end ? found.Before(end) : found;
            return true;
        }
    }
}
