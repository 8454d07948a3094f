// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Runtime.InteropServices;
using Hikae.Protocol.Guest;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Guest.Pages;

/// <summary>Reads the flags of a range of page frames and hands on two bitmaps per slice.</summary>
/// <remarks>
/// The file is read 128 KiB at a time: the cost is the kernel's per page, and below 64 KiB the system call shows.
/// Slices begin at memory and never hold a page outside the asked range; a slice without a single bit is not handed on.
/// Buffers are taken once, so that a scan allocates next to nothing.
/// </remarks>
internal sealed class PageScan(GuestFiles files)
{
    private const int ChunkPages = 128 * 1024 / sizeof(ulong);

    private readonly ulong[] _flags = new ulong[ChunkPages];
    private readonly byte[] _bitmaps = new byte[GuestProtocol.MaxSliceBytes];
    private readonly PageClassifier _classifier = new();

    // The page frame behind the last one classified. A folio may go on there, across reads and slices, and nowhere else.
    private ulong _following;

    /// <summary>Scans page frames <paramref name="first"/> up to, not including, <paramref name="end"/>.</summary>
    internal ScanCounts Run(ulong first, ulong end, ISliceSink sink)
    {
        using SafeFileHandle pageFlags = File.OpenHandle(files.PageFlags, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);

        // Read again each time, because memory can be plugged; it is one page of text.
        PfnRange[] memory = SystemRam.Parse(GuestFiles.TryReadText(files.Iomem).Split('\n'));
        _following = ulong.MaxValue;
        var counts = default(ScanCounts);
        ulong next = first;
        bool ended = false;
        while (!ended && TryNextSlice(memory, next, end, out ulong sliceFirst, out int pages))
        {
            long started = Stopwatch.GetTimestamp();
            Span<byte> both = _bitmaps.AsSpan(0, 2 * ScanAnswer.BytesFor(pages));
            both.Clear();
            ScanCounts slice = ScanSlice(pageFlags, memory, sliceFirst, pages, out ended);
            counts = new ScanCounts(
                counts.Scanned + slice.Scanned,
                counts.Free + slice.Free,
                counts.Cache + slice.Cache,
                counts.Elapsed + Stopwatch.GetElapsedTime(started));
            if (slice.Free + slice.Cache > 0)
            {
                sink.Take(sliceFirst, pages, both);
            }

            next = sliceFirst + (ulong)pages;
        }

        return counts;
    }

    private static bool TryNextSlice(PfnRange[] memory, ulong next, ulong end, out ulong first, out int pages)
    {
        first = 0;
        pages = 0;
        ulong limit = end;
        foreach (PfnRange range in memory)
        {
            ulong from = Math.Max(range.First, next);
            ulong to = Math.Min(range.End, limit);
            if (from >= to)
            {
                continue;
            }

            if (pages == 0)
            {
                first = from;
                limit = Math.Min(end, first + GuestProtocol.MaxSlicePages);
            }

            pages = (int)(Math.Min(to, limit) - first);
        }

        return pages != 0;
    }

    private ScanCounts ScanSlice(SafeFileHandle pageFlags, PfnRange[] memory, ulong first, int pages, out bool ended)
    {
        ulong scanned = 0;
        ulong free = 0;
        ulong cache = 0;
        ended = false;
        foreach (PfnRange range in memory)
        {
            ulong pfn = Math.Max(range.First, first);
            ulong end = Math.Min(range.End, first + (ulong)pages);

            while (pfn < end)
            {
                int wanted = (int)Math.Min(ChunkPages, end - pfn);
                int read = RandomAccess.Read(
                    pageFlags, MemoryMarshal.AsBytes(_flags.AsSpan(0, wanted)), (long)pfn * sizeof(ulong)) / sizeof(ulong);
                if (read == 0)
                {
                    // Past the last page frame there is.
                    ended = true;
                    return new ScanCounts(scanned, free, cache, default);
                }

                if (pfn != _following)
                {
                    _classifier.Restart();
                }

                Mark(_flags.AsSpan(0, read), (int)(pfn - first), pages, ref free, ref cache);
                pfn += (ulong)read;
                _following = pfn;
                scanned += (ulong)read;
            }
        }

        return new ScanCounts(scanned, free, cache, default);
    }

    private void Mark(ReadOnlySpan<ulong> flags, int bit, int pages, ref ulong free, ref ulong cache)
    {
        int cacheBytes = ScanAnswer.BytesFor(pages);
        foreach (ulong page in flags)
        {
            PageClass found = _classifier.Classify(page);
            if (found == PageClass.Free)
            {
                _bitmaps[bit >> 3] |= (byte)(1 << (bit & 7));
                free++;
            }
            else if (found == PageClass.Cache)
            {
                _bitmaps[cacheBytes + (bit >> 3)] |= (byte)(1 << (bit & 7));
                cache++;
            }

            bit++;
        }
    }
}
