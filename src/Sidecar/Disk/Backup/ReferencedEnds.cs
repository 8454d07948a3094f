// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Disk.Backup;

/// <summary>How far into each disk the references of the epoch being received reach: whether the disks are as long is asked at its end, as the list of disks may come last.</summary>
internal sealed class ReferencedEnds
{
    private readonly long[] _ends = new long[ReplicationLimits.MaxDisks];

    /// <summary>A reference to these blocks.</summary>
    public void Add(int disk, long firstBlock, long count) => _ends[disk] = Math.Max(_ends[disk], firstBlock + count);

    /// <summary>The epoch is over, or torn.</summary>
    public void Clear() => Array.Clear(_ends);

    /// <summary>Throws <see cref="ReplicationProtocolException"/> when a block was named that no disk has.</summary>
    public void Check(IReadOnlyList<DiskInfo> disks)
    {
        for (int disk = 0; disk < _ends.Length; disk++)
        {
            long blocks = disk < disks.Count ? disks[disk].ExportBytes / ReplicationLimits.PageBytes : 0;
            if (_ends[disk] > blocks)
            {
                throw new ReplicationProtocolException($"a page that equals block {_ends[disk] - 1} of disk {disk}, which has {blocks}");
            }
        }
    }
}
