// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Classify;

namespace Hikae.Sidecar.PageStore;

/// <remarks>
/// Deltas. A page that comes as what changed in it is put together with the newest version that is here, proven by its check, and kept raw while it is warm: the next delta then
/// finds its version without decompressing, and nothing is compressed in vain. A page that cooled, or finds no place among the warm ones, is compressed here, as the
/// primary would have. What is kept raw is bounded by <see cref="MaxWarmPages"/>: a warm page gives up its place only when it is compressed.
/// </remarks>
internal sealed partial class ReplicaStore
{
    /// <summary>Most pages that are kept raw because they come as deltas, as many as a primary sends so: 16 MiB, of which compressing would save about 11.</summary>
    internal const int MaxWarmPages = (int)(HotPages.MaxBytes / ReplicationLimits.PageBytes);

    /// <summary>A page of which no delta came for so many epochs is compressed.</summary>
    internal const int WarmEpochs = 16;

    // About 3 ms of work. The primary does not wait: this is done when an epoch begins, whose pages are on their way.
    private const int MaxCooledPerEpoch = 256;

    private readonly RecentPages _warm = new(MaxWarmPages);
    private readonly PageEncoder _encoder = new();
    private readonly byte[] _page = GC.AllocateUninitializedArray<byte>(ReplicationLimits.PageBytes);
    private readonly byte[] _stored = GC.AllocateUninitializedArray<byte>(ReplicationLimits.PageBytes);

    /// <summary>
    /// A page that must be kept, as what changed since its newest version, staged or else committed. Throws <see cref="ReplicationProtocolException"/> when no bytes are held
    /// of it, or those with the delta are not the page that <paramref name="check"/> (<see cref="PageCheck"/>) stands for.
    /// </summary>
    public void PutDelta(int block, long page, ulong check, ReadOnlySpan<byte> delta)
    {
        ReplicaBlock target = StagedBlock(block, page, 1);
        PageEntry newest = target.Newest(page);
        if (!newest.IsHard)
        {
            throw new ReplicationProtocolException($"Page {page} of {target.Name} came as a delta, and there is no version of it.");
        }
        try
        {
            Decode(target.Name, page, newest, _page);
        }
        catch (DamagedPageException damaged)
        {
            throw new ReplicationProtocolException($"A delta cannot be applied. {damaged.Message}");
        }
        PageDelta.Apply(delta, _page);
        if (PageCheck.Of(_page) != check)
        {
            throw new ReplicationProtocolException($"Page {page} of {target.Name} came as a delta against another version than the newest that came.");
        }
        bool isWarm = _warm.TryUse(target.Number, page, _openEpoch, out _) || _warm.TryAdd(target.Number, page, _openEpoch, 0, out _);
        if (delta.IsEmpty && (!isWarm || newest.LengthBytes == ReplicationLimits.PageBytes))
        {
            return;
        }
        _putsThisEpoch++;
        target.PutHard(page, isWarm ? _page : _encoder.EncodeHard(_page, _stored));
    }

    private ulong IdleSince => _openEpoch - Math.Min(_openEpoch, WarmEpochs);

    /// <summary>Compresses committed pages that were warm. No epoch has staged anything.</summary>
    private void Cool()
    {
        for (int i = 0; i < MaxCooledPerEpoch && _warm.TryTakeOldest(IdleSince, out int number, out long page, out _); i++)
        {
            // Its block may be gone, or the page be another one meanwhile.
            if (_byNumber[number] is { Committed: { } committed } block && page < committed.PageCount
                && committed[page] is { IsHard: true, LengthBytes: ReplicationLimits.PageBytes } raw)
            {
                _arena.Read(raw).CopyTo(_page);
                ReadOnlySpan<byte> stored = _encoder.EncodeHard(_page, _stored);
                if (stored.Length < ReplicationLimits.PageBytes)
                {
                    block.Recommit(page, stored);
                    committed.Unsettle(page);
                }
            }
        }
    }
}
