// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Classify;

/// <summary>Pages that may be dropped at this checkpoint, and only at this one. Valid until the next question is asked.</summary>
/// <remarks>It speaks of the part of memory that was asked about; of the rest it says nothing, not even that it is in use.</remarks>
internal readonly struct FreePageAnswer
{
    private readonly ScanBuffer _buffer;

    internal FreePageAnswer(ScanBuffer buffer)
    {
        _buffer = buffer;
    }

    /// <summary>The number of the scan that said so.</summary>
    internal ulong ScanNumber => _buffer.ScanNumber;

    /// <summary>True: the guest relies on nothing but zeros in this page.</summary>
    internal bool MayDrop(int block, long page) => _buffer.Free[block][page];

    /// <summary>The next run of droppable pages of a RAM block at or behind <paramref name="from"/>. False: there is none.</summary>
    internal bool TryNextRun(int block, long from, out long firstPage, out long pageCount) =>
        _buffer.Free[block].TryNextRun(from, out firstPage, out pageCount);
}
