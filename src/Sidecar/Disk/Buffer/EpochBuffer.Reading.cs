// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Buffer;

// What the buffer tells of its content.
internal sealed partial class EpochBuffer
{
    /// <summary>A FLUSH or FUA is in this epoch; one that is not here has none.</summary>
    public bool HoldsFlush(ulong epoch)
    {
        lock (_gate)
        {
            return _epochs.Find(found => found.Number == epoch).HoldsFlush;
        }
    }

    /// <summary>The sealed epochs that were not dropped, oldest first.</summary>
    public BufferedEpoch[] Epochs()
    {
        lock (_gate)
        {
            return [.. _epochs];
        }
    }

    /// <summary>The writes of a sealed epoch that was not dropped.</summary>
    public EpochEntries ReadEpoch(ulong epoch)
    {
        lock (_gate)
        {
            BufferedEpoch found = _epochs.Find(found => found.Number == epoch);
            if (found.Number == 0)
            {
                throw new ArgumentOutOfRangeException(nameof(epoch), $"Epoch {epoch} is not in the buffer.");
            }

            BufferSegment[] segments = [.. _segments.Where(segment => AddressOf(segment, segment.Used) > found.Start && AddressOf(segment, 0) < found.End)];
            foreach (BufferSegment segment in segments)
            {
                segment.Pins++;
            }

            return new EpochEntries(this, _file, segments, found);
        }
    }

    /// <summary>Copies what the buffer has of the disk from <paramref name="offset"/> on over <paramref name="destination"/>, and adds the other parts to <paramref name="missing"/>.</summary>
    public void Read(long offset, Span<byte> destination, List<DiskRange> missing)
    {
        long end = offset + destination.Length;
        long at = offset;
        lock (_gate)
        {
            foreach (OverlayInterval interval in _index.Between(offset, end))
            {
                if (interval.Start > at)
                {
                    missing.Add(new DiskRange(at, interval.Start - at));
                }

                Span<byte> part = destination.Slice((int)(interval.Start - offset), (int)(interval.End - interval.Start));
                if (interval.IsZero)
                {
                    part.Clear();
                }
                else
                {
                    _file.Slice(interval.Position, part.Length).CopyTo(part);
                }

                at = interval.End;
            }
        }

        if (at < end)
        {
            missing.Add(new DiskRange(at, end - at));
        }
    }

    /// <summary>Which parts of the disk from <paramref name="offset"/> on the buffer has, at most <paramref name="limit"/> of them.</summary>
    public void Cover(long offset, long length, int limit, List<OverlayInterval> covered)
    {
        lock (_gate)
        {
            foreach (OverlayInterval interval in _index.Between(offset, offset + length))
            {
                if (covered.Count == limit)
                {
                    break;
                }

                covered.Add(interval);
            }
        }
    }

    internal void Unpin(BufferSegment[] segments)
    {
        lock (_gate)
        {
            foreach (BufferSegment segment in segments)
            {
                if (--segment.Pins == 0 && segment.IsDropped)
                {
                    _pool.Return(segment.Index);
                }
            }
        }
    }
}
