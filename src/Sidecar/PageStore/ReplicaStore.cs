// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.PageStore;

/// <summary>
/// The backup's memory of one guest: exactly one whole checkpoint, and the one being received.
/// </summary>
/// <remarks>
/// Theory of operation. Everything an epoch says lands in a staging table beside the committed one; hard pages keep the
/// very bytes that came over the link; those that came as deltas are put together (ReplicaStore.Delta.cs). <see cref="CommitEpoch"/> walks what was staged and exchanges entries: it decodes
/// nothing and copies no page. <see cref="DiscardEpoch"/> forgets the staging table. So a torn epoch cannot touch the
/// committed checkpoint. Cold pages of that are put together between epochs (BatchSweep.cs).
///
/// Memory has a bound a peer cannot move: every page has at most one committed and one staged copy of at most 4096 bytes (a batch is no longer, and has an owner)
/// and two table entries, and the guest's size is limited by <see cref="ReplicationLimits"/>.
///
/// One thread at a time; only <see cref="Statistics"/> may be read by others, its numbers are then of slightly different
/// moments. Nothing here waits or logs, and nothing allocates per page.
/// </remarks>
internal sealed partial class ReplicaStore : ISlotOwners, IDisposable
{
    // A primary copies memory in 25 rounds at most in one epoch; a short record can name any number of pages.
    private const int SoftRounds = 64;

    private const uint ZstdMagic = 0xFD2FB528;

    private readonly PageArena _arena;
    private readonly BatchReader _reader;
    private readonly List<ReplicaBlock?> _byNumber = [];
    private IReadOnlyList<RamBlockInfo>? _announced;
    private IReadOnlyList<RamBlockInfo> _stagedInfo = [];
    private ReplicaBlock[] _stagedBlocks = [];
    private ReplicaBlock[] _committedBlocks = [];
    private DeviceStateBuffer _committedDevices = new();
    private DeviceStateBuffer _stagedDevices = new();
    private ReplicaState _state;
    private ulong _openEpoch;
    private long _putsThisEpoch;
    private long _softPagesLeft;
    private bool _isToldReads;

    public ReplicaStore()
    {
        _arena = new PageArena();
        _reader = new BatchReader(_arena);
    }

    /// <summary>True once a first epoch was committed.</summary>
    public bool HasCheckpoint { get; private set; }

    /// <summary>The last committed epoch; meaningless before <see cref="HasCheckpoint"/>.</summary>
    public ulong CommittedEpoch { get; private set; }

    /// <summary>The committed checkpoint's RAM blocks, in the primary's order; other methods take indices into this list.</summary>
    public IReadOnlyList<RamBlockInfo> Blocks { get; private set; } = [];

    /// <summary>Where pages that are on disk are read; null before the guest is started from here.</summary>
    public IDiskBlocks? Disks { get; set; }

    /// <summary>Device state of the committed checkpoint, as the primary sent it.</summary>
    public ReadOnlyMemory<byte> DeviceState => _committedDevices.Bytes;

    /// <summary>Counts of the committed checkpoint and the memory the store takes now.</summary>
    public ReplicaStatistics Statistics
    {
        get
        {
            long pages = 0, reads = 0, hard = 0, free = 0, onDisk = 0, stored = _arena.FrameBytes, table = _arena.NotesBytes;
            foreach (ReplicaBlock block in _committedBlocks)
            {
                CommittedPages committed = block.Committed!;
                pages += committed.PageCount;
                hard += committed.HardPages;
                free += committed.FreePages;
                onDisk += committed.DiskPages;
                stored += committed.StoredBytes;
                reads += committed.Heat.ReadPages;
                table += committed.TableBytes;
            }
            // By index: another thread may be adding a block.
            for (int i = 0; i < _byNumber.Count; i++)
            {
                table += _byNumber[i]?.Staged?.TableBytes ?? 0;
            }
            return new ReplicaStatistics(
                pages - hard - free - onDisk, free, onDisk, hard, stored, _arena.ResidentBytes, table, _committedDevices.CapacityBytes + _stagedDevices.CapacityBytes,
                _isToldReads ? reads : null);
        }
    }

    /// <summary>
    /// The guest's RAM blocks from the next epoch on, or from the open one, whose pages so far are forgotten unless the list only grows at its end. A block
    /// keeps its committed pages by name; one that is missing is gone with the commit; one that grew gets zero pages. If the epoch is discarded, so is the list.
    /// </summary>
    public void SetBlocks(IReadOnlyList<RamBlockInfo> blocks)
    {
        Validate(blocks);
        _announced = [.. blocks];
        if (_state == ReplicaState.Receiving)
        {
            if (!_announced.OnlyGrewFrom(_stagedInfo))
            {
                DiscardStaged();
            }
            StageBlocks();
        }
    }

    /// <summary>Opens an epoch: what is put from now on belongs to it.</summary>
    public void BeginEpoch(ulong epoch)
    {
        if (_state != ReplicaState.Idle)
        {
            throw new ReplicationProtocolException($"Epoch {epoch} begins while epoch {_openEpoch} is open.");
        }
        if (HasCheckpoint && epoch <= CommittedEpoch)
        {
            throw new ReplicationProtocolException($"Epoch {epoch} begins after epoch {CommittedEpoch} was committed.");
        }
        _openEpoch = epoch;
        Cool();
        Sweep();
        _putsThisEpoch = 0;
        _stagedDevices.Clear();
        StageBlocks();
        _state = ReplicaState.Receiving;
    }

    /// <summary>A page that must be kept. <paramref name="stored"/> is 4096 raw bytes or one shorter zstd frame, and is kept as it is.</summary>
    public void PutHard(int block, long page, ReadOnlySpan<byte> stored)
    {
        ReplicaBlock target = StagedBlock(block, page, 1);
        if (stored.Length is 0 or > ReplicationLimits.PageBytes || (stored.Length < ReplicationLimits.PageBytes && !LooksLikeZstd(stored)))
        {
            throw new ReplicationProtocolException(
                $"Page {page} of {target.Name} came with {stored.Length} bytes that are neither a raw page nor a zstd frame.");
        }
        _putsThisEpoch++;
        target.PutHard(page, stored);
    }

    /// <summary>A run of pages whose bytes need not be kept.</summary>
    public void PutSoft(int block, long firstPage, long count, SoftClass softClass)
    {
        if (softClass is not (SoftClass.Zero or SoftClass.Free))
        {
            throw new ReplicationProtocolException($"Soft pages of unknown class {(int)softClass}.");
        }
        ReplicaBlock target = StagedBlock(block, firstPage, count);
        _softPagesLeft -= count;
        if (_softPagesLeft < 0)
        {
            throw new ReplicationProtocolException($"Epoch {_openEpoch} calls pages soft more than {SoftRounds} times over.");
        }
        _putsThisEpoch++;
        target.Staged!.PutSoft(firstPage, count, softClass);
    }

    /// <summary>A run of pages, as many as there are checks of them, that equal neighbouring blocks of a disk as of the open epoch.</summary>
    public void PutOnDisk(int block, long firstPage, int disk, long firstBlock, ReadOnlySpan<ulong> checks)
    {
        ReplicaBlock target = StagedBlock(block, firstPage, checks.Length);
        _putsThisEpoch++;
        target.Staged!.PutOnDisk(firstPage, disk, firstBlock, checks);
    }

    /// <summary>The open epoch's device state, whole. Replaces what was set or appended before.</summary>
    public void SetDeviceState(ReadOnlySpan<byte> deviceState)
    {
        RequireOpenEpoch();
        _stagedDevices.Clear();
        _stagedDevices.Append(deviceState);
    }

    /// <summary>The next piece of the open epoch's device state.</summary>
    public void AppendDeviceState(ReadOnlySpan<byte> piece)
    {
        RequireOpenEpoch();
        _stagedDevices.Append(piece);
    }

    /// <summary>Throws <see cref="ReplicationProtocolException"/> when the open epoch lacks what every checkpoint has. Changes nothing.</summary>
    public void RequireWholeEpoch()
    {
        RequireOpenEpoch();
        if (_stagedDevices.Bytes.IsEmpty || _stagedBlocks.Length == 0)
        {
            throw new ReplicationProtocolException($"Epoch {_openEpoch} ends without {(_stagedBlocks.Length == 0 ? "RAM blocks" : "device state")}.");
        }
    }

    /// <summary>The open epoch is whole: it becomes the checkpoint, in one step.</summary>
    public void CommitEpoch()
    {
        RequireWholeEpoch();
        foreach (ReplicaBlock block in _stagedBlocks)
        {
            block.Commit();
        }
        DropAllExcept(_stagedBlocks);
        _committedBlocks = _stagedBlocks;
        Blocks = _stagedInfo;
        (_committedDevices, _stagedDevices) = (_stagedDevices, _committedDevices);
        _stagedDevices.Clear();
        CommittedEpoch = _openEpoch;
        HasCheckpoint = true;
        _state = ReplicaState.Idle;
        _arena.CompactAfter(_putsThisEpoch, this);
    }

    /// <summary>The open epoch is torn: the committed checkpoint stays as it is. Does nothing when no epoch is open.</summary>
    public void DiscardEpoch()
    {
        if (_state == ReplicaState.Idle)
        {
            return;
        }
        DiscardStaged();
        DropAllExcept(_committedBlocks);
        _stagedDevices.Clear();
        _state = ReplicaState.Idle;
        _arena.CompactAfter(_putsThisEpoch, this);
    }

    public void Dispose()
    {
        foreach (ReplicaBlock? block in _byNumber)
        {
            block?.Dispose();
        }
        _byNumber.Clear();
        _arena.Dispose();
        _sweep?.Dispose();
        _reader.Dispose();
        _encoder.Dispose();
    }

    void ISlotOwners.Move(ulong owner, (int Slab, int Slot) from, (int Slab, int Slot) to)
    {
        (int number, long page) = ReplicaBlock.Owner(owner);
        _byNumber[number]!.Move(page, from, to);
    }

    private static bool LooksLikeZstd(ReadOnlySpan<byte> stored) =>
        stored.Length > sizeof(uint) && BinaryPrimitives.ReadUInt32LittleEndian(stored) == ZstdMagic;

    private static void Validate(IReadOnlyList<RamBlockInfo> blocks)
    {
        if (blocks.Count is 0 or > ReplicationLimits.MaxBlocks)
        {
            throw new ReplicationProtocolException($"A guest has 1 to {ReplicationLimits.MaxBlocks} RAM blocks, not {blocks.Count}.");
        }
        HashSet<string> names = [];
        long guestBytes = 0;
        foreach (RamBlockInfo block in blocks)
        {
            if (!names.Add(block.Name))
            {
                throw new ReplicationProtocolException($"RAM block {block.Name} is listed twice.");
            }
            if (block.UsedBytes < 0 || block.UsedBytes % ReplicationLimits.PageBytes != 0 || block.UsedBytes > ReplicationLimits.MaxGuestBytes - guestBytes)
            {
                throw new ReplicationProtocolException($"RAM block {block.Name} has an impossible length of {block.UsedBytes} bytes.");
            }
            guestBytes += block.UsedBytes;
        }
    }

    private void DiscardStaged() => Array.ForEach(_stagedBlocks, static block => block.Staged?.DiscardAll());

    private void StageBlocks()
    {
        _stagedInfo = _announced ?? Blocks;
        _stagedBlocks = ReferenceEquals(_stagedInfo, Blocks) ? _committedBlocks : _stagedInfo.Select(info => FindOrAdd(info.Name)).ToArray();
        _announced = null;
        if (!ReferenceEquals(_stagedBlocks, _committedBlocks))
        {
            // A peer that sends list after list must not gather blocks here.
            DropAllExcept([.. _committedBlocks, .. _stagedBlocks]);
        }
        _softPagesLeft = 0;
        for (int i = 0; i < _stagedBlocks.Length; i++)
        {
            _stagedBlocks[i].Stage(_stagedInfo[i].PageCount);
            _softPagesLeft += SoftRounds * _stagedInfo[i].PageCount;
        }
    }

    private ReplicaBlock FindOrAdd(string name)
    {
        ReplicaBlock? found = _byNumber.Find(block => block?.Name == name);
        if (found is null)
        {
            int number = _byNumber.IndexOf(null);
            if (number < 0)
            {
                number = _byNumber.Count;
                _byNumber.Add(null);
            }
            found = new ReplicaBlock(number, name, _arena);
            _byNumber[number] = found;
        }
        return found;
    }

    private void DropAllExcept(ReplicaBlock[] kept)
    {
        for (int number = 0; number < _byNumber.Count; number++)
        {
            if (_byNumber[number] is ReplicaBlock block && Array.IndexOf(kept, block) < 0)
            {
                block.Drop();
                _byNumber[number] = null;
            }
        }
    }

    private ReplicaBlock StagedBlock(int block, long firstPage, long count)
    {
        RequireOpenEpoch();
        if ((uint)block >= (uint)_stagedBlocks.Length)
        {
            throw new ReplicationProtocolException($"There is no RAM block {block}: the guest has {_stagedBlocks.Length}.");
        }
        ReplicaBlock target = _stagedBlocks[block];
        long pages = target.Staged!.PageCount;
        if (firstPage < 0 || count < 1 || firstPage >= pages || count > pages - firstPage)
        {
            throw new ReplicationProtocolException($"RAM block {target.Name} has {pages} pages, not {count} from {firstPage} on.");
        }
        return target;
    }

    private void RequireOpenEpoch()
    {
        if (_state != ReplicaState.Receiving)
        {
            throw new ReplicationProtocolException("The peer sends an epoch's content without having begun one.");
        }
    }
}
