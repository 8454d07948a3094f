// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;
using Hikae.Protocol.Replication;
using ZstdSharp;

namespace Hikae.Sidecar.PageStore;

/// <summary>Neighbouring pages that are about to be compressed together: as many as one slot holds.</summary>
internal sealed class PageGroup : IDisposable
{
    // Cold pages are compressed once and kept for long.
    private const int Level = 3;

    private const int MinRatio = 64;

    private readonly AnonymousMemory _bytes = new(BatchSlot.MaxContents * ReplicationLimits.PageBytes);
    private readonly Compressor _compressor = new(Level);
    private readonly long[] _pages = new long[BatchSlot.MaxContents];
    private readonly PageEntry[] _entries = new PageEntry[BatchSlot.MaxContents];
    private readonly int[] _lengths = new int[BatchSlot.MaxContents];
    private readonly byte[] _frame = new byte[ReplicationLimits.PageBytes];

    // What pages take together, in 256ths of what they take alone: as it was with the groups before this one.
    private int _ratio = 224;

    internal int Count { get; private set; }

    /// <summary>Where the next page's 4096 bytes go before <see cref="Add"/>. Only while <see cref="HasRoomFor"/> something.</summary>
    internal Span<byte> Next => Bytes(Count);

    internal Span<byte> Bytes(int index) => _bytes.Slice((long)index * ReplicationLimits.PageBytes, ReplicationLimits.PageBytes);

    internal long Page(int index) => _pages[index];

    internal PageEntry Entry(int index) => _entries[index];

    /// <summary>Whether another page, of so many bytes alone, is likely to fit into the slot as well.</summary>
    internal bool HasRoomFor(int lengthBytes) =>
        Count == 0 || (Count < BatchSlot.MaxContents && BatchSlot.StoredBytes(Count + 1, (Alone(Count) + lengthBytes) * _ratio / 256) <= ReplicationLimits.PageBytes);

    internal void Add(long page, PageEntry entry, int lengthBytes)
    {
        (_pages[Count], _entries[Count], _lengths[Count]) = (page, entry, lengthBytes);
        Count++;
    }

    /// <summary>Compresses as many of the first pages as fit. Returns how many; 1: no two fit.</summary>
    internal int Compress(out ReadOnlySpan<byte> frame)
    {
        for (int pages = Count; pages > 1; pages--)
        {
            if (_compressor.TryWrap(_bytes.Slice(0, pages * ReplicationLimits.PageBytes), _frame.AsSpan(0, ReplicationLimits.PageBytes - BatchSlot.StoredBytes(pages, 0)), out int written))
            {
                _ratio = Math.Clamp(((7 * _ratio) + (256 * written / Math.Max(1, Alone(pages)))) / 8, MinRatio, 256);
                frame = _frame.AsSpan(0, written);
                return pages;
            }
            // Each try costs as much as the first.
            _ratio = Math.Min(_ratio + 4, 256);
        }
        frame = default;
        return Math.Min(Count, 1);
    }

    /// <summary>These pages have found their places, or have none here.</summary>
    internal void Remove(int first, int count)
    {
        for (int from = first + count, to = first; from < Count; from++, to++)
        {
            Bytes(from).CopyTo(Bytes(to));
            (_pages[to], _entries[to], _lengths[to]) = (_pages[from], _entries[from], _lengths[from]);
        }
        Count -= count;
    }

    public void Dispose()
    {
        _bytes.Dispose();
        _compressor.Dispose();
    }

    // What the first pages take when each has a frame of its own.
    private int Alone(int pages)
    {
        int bytes = 0;
        foreach (int length in _lengths.AsSpan(0, pages))
        {
            bytes += length;
        }
        return bytes;
    }
}
