// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Link;

/// <summary>Joins pages that are references to the guest's disks into runs, and cuts those into records.</summary>
internal sealed class DiskPagesEncoder
{
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(DiskPages.SizeBytes(ReplicationLimits.MaxDiskRunsPerRecord));

    // One list for each disk that was ever referred to.
    private readonly List<List<DiskRun>> _runs = [];

    /// <summary>A page of the RAM block whose pages are being added.</summary>
    public void Add(uint page, int disk, long diskBlock)
    {
        while (_runs.Count <= disk)
        {
            _runs.Add([]);
        }
        List<DiskRun> runs = _runs[disk];
        if (runs.Count > 0 && runs[^1] is var last && last.FirstPage + last.PageCount == page && last.FirstBlock + last.PageCount == diskBlock)
        {
            runs[^1] = last with { PageCount = last.PageCount + 1 };
        }
        else
        {
            runs.Add(new DiskRun(page, 1, diskBlock));
        }
    }

    /// <summary>Sends what was added, as pages of this RAM block, and forgets it.</summary>
    public void Ship(int block, DiskWritesEncoder.RecordSink send)
    {
        for (int disk = 0; disk < _runs.Count; disk++)
        {
            Span<DiskRun> rest = CollectionsMarshal.AsSpan(_runs[disk]);
            while (!rest.IsEmpty)
            {
                Span<DiskRun> now = rest[..Math.Min(rest.Length, ReplicationLimits.MaxDiskRunsPerRecord)];
                send(RecordType.DiskPages, _buffer.AsSpan(0, DiskPages.Write(_buffer, block, disk, now)));
                rest = rest[now.Length..];
            }
            _runs[disk].Clear();
        }
    }
}
