// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Numerics;
using System.Runtime.InteropServices;
using Hikae.Native.Linux;
using Hikae.Protocol.Guest;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Guest.Pages;

/// <summary>Watches what this kernel reads from its page cache.</summary>
/// <remarks>
/// It costs nothing but while it watches. Of a folio of several pages the kernel's function tells the first only, so the page flags say how many follow. They are not read
/// where half of a chunk is known to be read already, and not for longer than <see cref="LongestCount"/>: a page's flags cost 0.1 us, so those of a large guest could keep the agent busy for seconds.
/// </remarks>
internal sealed class ReadWatch(GuestFiles files) : IReadWatch
{
    /// <summary>From then on a folio counts as one page.</summary>
    internal static readonly TimeSpan LongestCount = TimeSpan.FromMilliseconds(100);

    private const int WordsPerChunk = GuestProtocol.ChunkPages / 64;

    private readonly ulong[] _flags = new ulong[GuestProtocol.ChunkPages];
    private AccessedFrames? _frames;

    public string Watch(TimeSpan duration, IReadSink sink)
    {
        bool isTelling = false;
        try
        {
            PfnRange[] memory = SystemRam.Parse(GuestFiles.TryReadText(files.Iomem).Split('\n'));
            if (ReferenceEquals(memory, SystemRam.Unknown))
            {
                return "the kernel does not show where its memory is (/proc/iomem)";
            }

            _frames ??= AccessedFrames.Open();
            ulong chunks = (memory[^1].End + GuestProtocol.ChunkPages - 1) / GuestProtocol.ChunkPages;
            _frames.Watch(chunks * GuestProtocol.ChunkPages, duration, bits =>
            {
                isTelling = true;
                Tell(bits, sink);
            });
            return string.Empty;
        }
        catch (Exception e) when (!isTelling)
        {
            // Whatever this kernel does not like: the agent has other things to tell. A port that breaks is the caller's.
            return e.Message;
        }
    }

    /// <summary>Pages of one chunk that were read.</summary>
    /// <param name="bits">A bit for each page of the chunk.</param>
    /// <param name="flags">Their flags.</param>
    internal static int CountPages(ReadOnlySpan<ulong> bits, ReadOnlySpan<ulong> flags)
    {
        int pages = 0;
        for (int page = 0; page < GuestProtocol.ChunkPages; page++)
        {
            if ((bits[page / 64] & (1UL << (page % 64))) == 0)
            {
                continue;
            }

            pages++;
            if ((flags[page] & KernelPageFlags.KPF_COMPOUND_HEAD) != 0)
            {
                for (int tail = page + 1; tail < GuestProtocol.ChunkPages && (flags[tail] & KernelPageFlags.KPF_COMPOUND_TAIL) != 0; tail++)
                {
                    pages++;
                }
            }
        }

        return pages;
    }

    private void Tell(ReadOnlySpan<ulong> bits, IReadSink sink)
    {
        using SafeFileHandle? pageFlags = TryOpenFlags();
        long started = Stopwatch.GetTimestamp();
        int chunks = bits.Length / WordsPerChunk;
        byte[] values = new byte[Math.Min(chunks, ReadsAnswer.MaxChunks)];
        for (int first = 0; first < chunks; first += values.Length)
        {
            Span<byte> some = values.AsSpan(0, Math.Min(values.Length, chunks - first));
            for (int i = 0; i < some.Length; i++)
            {
                bool mayCount = pageFlags is not null && Stopwatch.GetElapsedTime(started) < LongestCount;
                some[i] = ReadsAnswer.ValueOf(PagesIn(first + i, bits.Slice((first + i) * WordsPerChunk, WordsPerChunk), mayCount ? pageFlags : null));
            }

            int begin = some.IndexOfAnyExcept((byte)0);
            if (begin >= 0)
            {
                sink.TakeReads((ulong)(first + begin), some[begin..(some.LastIndexOfAnyExcept((byte)0) + 1)]);
            }
        }
    }

    private SafeFileHandle? TryOpenFlags()
    {
        try
        {
            return File.OpenHandle(files.PageFlags, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private int PagesIn(int chunk, ReadOnlySpan<ulong> bits, SafeFileHandle? pageFlags)
    {
        int pages = 0;
        foreach (ulong word in bits)
        {
            pages += BitOperations.PopCount(word);
        }

        if (pages is 0 or >= GuestProtocol.ChunkPages / 2 || pageFlags is null)
        {
            return pages;
        }

        _flags.AsSpan().Clear();
        RandomAccess.Read(pageFlags, MemoryMarshal.AsBytes(_flags.AsSpan()), (long)chunk * GuestProtocol.ChunkPages * sizeof(ulong));
        return CountPages(bits, _flags);
    }
}
