// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Recovery.Stream;

namespace Hikae.Sidecar.Recovery;

/// <summary>Pages the restarted guest waits for: the return path's thread puts them in, the sending thread takes them out.</summary>
internal sealed class PageRequests(IReadOnlyList<RamBlockInfo> blocks) : IDisposable
{
    /// <summary>
    /// Most requests not yet answered. QEMU asks once for each page it waits for, and at most one page per vCPU and a few per
    /// device can be waited for.
    /// </summary>
    internal const int MaxWaiting = 64 * 1024;

    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly Queue<(int Block, long Page, long Count)> _waiting = new();

    private readonly ManualResetEventSlim _hasMore = new();

    // return path thread only
    private int _currentBlock = -1;

    /// <summary>Checks a request and puts it in. Throws when it lies outside the guest or there are too many.</summary>
    internal void Add(ReturnPathMessage message)
    {
        if (message.Block is not null)
        {
            _currentBlock = BlockOf(message.Block);
        }
        if (_currentBlock < 0)
        {
            throw new MigrationStreamException("QEMU asked for pages of the same block as before, and there was none before.");
        }
        RamBlockInfo block = blocks[_currentBlock];
        ulong used = (ulong)block.UsedBytes;
        const ulong misaligned = QemuRam.TARGET_PAGE_SIZE - 1;
        if (message.Value == 0 || ((message.Start | message.Value) & misaligned) != 0 || message.Start >= used || message.Value > used - message.Start)
        {
            throw new MigrationStreamException($"QEMU asked for {message.Value} bytes at {message.Start} of block {block.Name}, which has {used}.");
        }
        lock (_gate)
        {
            if (_waiting.Count >= MaxWaiting)
            {
                throw new MigrationStreamException($"QEMU has more than {MaxWaiting} page requests unanswered.");
            }
            _waiting.Enqueue((_currentBlock, (long)(message.Start >> QemuRam.TARGET_PAGE_BITS), message.Value >> QemuRam.TARGET_PAGE_BITS));
        }
        _hasMore.Set();
    }

    internal bool TryTake(out (int Block, long Page, long Count) request)
    {
        lock (_gate)
        {
            return _waiting.TryDequeue(out request);
        }
    }

    /// <summary>Returns when there is a request, or after <paramref name="longest"/>. Sending thread.</summary>
    internal void Wait(TimeSpan longest)
    {
        _hasMore.Reset();
        lock (_gate)
        {
            if (_waiting.Count > 0)
            {
                return;
            }
        }
        _hasMore.Wait(longest);
    }

    public void Dispose() => _hasMore.Dispose();

    private int BlockOf(string name)
    {
        for (int block = 0; block < blocks.Count; block++)
        {
            if (blocks[block].Name == name)
            {
                return block;
            }
        }
        throw new MigrationStreamException($"QEMU asked for pages of block {name}, which the guest does not have.");
    }
}
