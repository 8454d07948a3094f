// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;
using Hikae.Protocol.Replication;
using ZstdSharp;

namespace Hikae.Sidecar.PageStore;

/// <summary>Reads hard pages, alone or out of batches. The last batch stays decoded, because neighbours are mostly read one after the other.</summary>
internal sealed class BatchReader(PageArena arena) : IDisposable
{
    private readonly Decompressor _zstd = new();

    private readonly AnonymousMemory _contents = new(BatchSlot.MaxContents * ReplicationLimits.PageBytes);
    private (int Slab, int Slot, long Changes) _decoded = (-1, -1, -1);

    /// <summary>The 4096 bytes of a hard page. Null: they are there. Else what is wrong with what is kept of it.</summary>
    internal string? TryRead(PageEntry entry, Span<byte> destination)
    {
        destination = destination[..ReplicationLimits.PageBytes];
        if (!entry.IsBatched)
        {
            return TryDecode(arena.Read(entry), destination);
        }
        BatchSlot batch = arena.Batch(entry);
        if (batch.Contents == 1)
        {
            return TryDecode(batch.Frame, destination);
        }
        (int, int, long) wanted = (entry.Slab, entry.Slot, arena.Changes);
        if (_decoded != wanted)
        {
            _decoded = (-1, -1, -1);
            if (TryDecode(batch.Frame, _contents.Slice(0, batch.Contents * ReplicationLimits.PageBytes)) is { } reason)
            {
                return reason;
            }
            _decoded = wanted;
        }
        _contents.Slice((long)entry.Content * ReplicationLimits.PageBytes, ReplicationLimits.PageBytes).CopyTo(destination);
        return null;
    }

    public void Dispose()
    {
        _zstd.Dispose();
        _contents.Dispose();
    }

    private string? TryDecode(ReadOnlySpan<byte> stored, Span<byte> destination)
    {
        if (stored.Length == ReplicationLimits.PageBytes)
        {
            stored.CopyTo(destination);
            return null;
        }
        try
        {
            // The output is bounded by the destination, whatever the frame claims.
            int written = _zstd.Unwrap(stored, destination);
            return written == destination.Length ? null : $"its frame gives {written} bytes";
        }
        catch (ZstdException cause)
        {
            return cause.Message;
        }
    }
}
