// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Numerics;
using Hikae.Native.Linux;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Classify;

/// <summary>The bytes last sent of pages that the guest writes again and again: what has changed in them is all that need be sent.</summary>
/// <remarks>
/// Invariant: what is kept of a page is the newest version that was sent of it. Whoever says anything else of a page says so here, too.
///
/// A page is kept once it is sent a second time within <see cref="WindowEpochs"/>. That is noted in a table of fixed size, in which a page may push another out: the other
/// is then kept later. So pages that are written once cost nothing. A page in which too much changes is not kept any more, and must be sent three times before it is looked at
/// again. One thread only; nothing is allocated for a page.
/// </remarks>
internal sealed class HotPages : IDisposable
{
    /// <summary>Most that is ever kept, in bytes: 4096 pages, as many as the backup keeps raw for the next delta. It would have to compress any further ones in each epoch.</summary>
    public const long MaxBytes = 16L << 20;

    /// <summary>At most one of so many pages of the guest is kept: a small guest's sidecar stays small.</summary>
    public const int GuestPagesPerPage = 16;

    /// <summary>A page that is sent again within so many epochs is kept. One that was not sent for more gives its place to one that is.</summary>
    public const int WindowEpochs = 16;

    /// <summary>A page that was not sent for more than so many epochs is forgotten, and its memory given back.</summary>
    public const int KeptEpochs = 64;

    // A working set that just fits mostly survives in its notes from one epoch to the next; 128 KiB for 4096 pages.
    private const int NotesPerPage = 4;

    private const int EpochBits = 23;
    private const ulong EpochMask = (1UL << EpochBits) - 1;
    private const int BlockShift = EpochBits + 31;

    // A guest that came to rest gives its memory back over some seconds, not in one system call after the other.
    private const int MaxForgottenPerEpoch = 256;

    private readonly AnonymousMemory _versions = new(MaxBytes);
    private RecentPages _pages = new(0);
    private ulong[] _sent = new ulong[1];
    private ulong _epoch;

    /// <summary>Pages kept now.</summary>
    public int Count => _pages.Count;

    /// <summary>The guest has memory of this size, and nothing is known of it any more.</summary>
    public void Reset(long guestBytes)
    {
        int maxPages = (int)(Math.Min(MaxBytes, guestBytes / GuestPagesPerPage) / ReplicationLimits.PageBytes);
        _pages = new RecentPages(maxPages);
        _sent = new ulong[BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, maxPages * NotesPerPage))];
        _versions.Discard(0, MaxBytes);
    }

    /// <summary>What is sent from now on belongs to this epoch.</summary>
    public void Begin(ulong epoch)
    {
        _epoch = epoch;
        ulong idleSince = epoch - Math.Min(epoch, KeptEpochs);
        for (int i = 0; i < MaxForgottenPerEpoch && _pages.TryTakeOldest(idleSince, out _, out _, out int place); i++)
        {
            _versions.Discard(VersionAt(place), ReplicationLimits.PageBytes);
        }
    }

    /// <summary>
    /// A page is sent with these bytes. True: as the <paramref name="lengthBytes"/> in <paramref name="delta"/>, against the version sent last. False: in another way.
    /// </summary>
    /// <param name="block">Index of its RAM block.</param>
    /// <param name="page">Its index there.</param>
    /// <param name="bytes">4096 of them.</param>
    /// <param name="delta">As long as the delta may become.</param>
    /// <param name="lengthBytes">Of the delta.</param>
    public bool TryEncode(int block, uint page, ReadOnlySpan<byte> bytes, Span<byte> delta, out int lengthBytes)
    {
        lengthBytes = 0;
        if (_pages.TryUse(block, page, _epoch, out int place))
        {
            Span<byte> version = Version(place);
            if (PageDelta.TryEncode(version, bytes, delta, out lengthBytes))
            {
                bytes.CopyTo(version);
                return true;
            }
            _pages.TryRemove(block, page, out _);
            NoteOf(Key(block, page)) = 0;
        }
        else if (WasSentLately(Key(block, page)) && _pages.TryAdd(block, page, _epoch, _epoch - Math.Min(_epoch, WindowEpochs), out place))
        {
            bytes.CopyTo(Version(place));
        }
        return false;
    }

    /// <summary>These pages are no longer what was sent of them: they are zero, free or on a disk.</summary>
    public void Drop(int block, uint firstPage, uint count)
    {
        for (uint page = firstPage; page < firstPage + count && _pages.Count > 0; page++)
        {
            _pages.TryRemove(block, page, out _);
        }
    }

    public void Dispose() => _versions.Dispose();

    private static long VersionAt(int place) => (long)place * ReplicationLimits.PageBytes;

    private Span<byte> Version(int place) => _versions.Slice(VersionAt(place), ReplicationLimits.PageBytes);

    /// <summary>Notes that the page is sent in this epoch, and says whether it was in one of the last.</summary>
    private bool WasSentLately(ulong key)
    {
        // A note of more than 8 million epochs ago may look young: then a page is copied in vain.
        ref ulong note = ref NoteOf(key);
        ulong now = _epoch & EpochMask;
        bool lately = note != 0 && (note & ~EpochMask) == key && ((now - note) & EpochMask) <= WindowEpochs;
        note = key | now;
        return lately;
    }

    // Multiplied by the golden ratio: neighbours do not fall together, and the highest bits are the best.
    private ref ulong NoteOf(ulong key) => ref _sent[(int)((UInt128)(key * 0x9E37_79B9_7F4A_7C15) * (ulong)_sent.Length >> 64)];

    // 10 bits for a block and 31 for a page hold any that the protocol can name.
    private static ulong Key(int block, uint page) => ((ulong)block << BlockShift) | ((ulong)page << EpochBits);
}
