// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Classify;
using Hikae.Sidecar.PageStore;

namespace Hikae.Sidecar.Link;

/// <summary>Gathers pages of which only what changed is sent, and makes records of them. Shipping thread only.</summary>
internal sealed class DeltaPagesEncoder : IDisposable
{
    private readonly HotPages _hot = new();
    private readonly DeltaPagesWriter _writer = new();

    /// <summary>The guest's RAM blocks are these now: nothing that was sent before is a version to begin with.</summary>
    public void SetBlocks(IReadOnlyList<RamBlockInfo> blocks) => _hot.Reset(blocks.Sum(block => block.UsedBytes));

    /// <summary>What is sent from now on belongs to this epoch.</summary>
    public void Begin(ulong epoch) => _hot.Begin(epoch);

    /// <summary>No page may be added before <see cref="Ship"/>.</summary>
    public bool IsFull => _writer.IsFull;

    /// <summary>A page of the RAM block whose pages are being added is to be sent with its bytes. True: it goes as what changed in it. False: the caller sends it.</summary>
    public bool TryAdd(int block, uint page, ReadOnlySpan<byte> bytes)
    {
        if (!_hot.TryEncode(block, page, bytes, _writer.NextDelta, out int length))
        {
            return false;
        }
        _writer.Commit(page, PageCheck.Of(bytes), length);
        return true;
    }

    /// <summary>Something else is said of these pages: they are zero, free or on a disk.</summary>
    public void Drop(int block, uint firstPage, uint count = 1) => _hot.Drop(block, firstPage, count);

    /// <summary>Sends what was added, as pages of this RAM block.</summary>
    public void Ship(int block, DiskWritesEncoder.RecordSink send)
    {
        if (_writer.PageCount > 0)
        {
            send(RecordType.DeltaPages, _writer.Take(block));
        }
    }

    public void Dispose() => _hot.Dispose();
}
