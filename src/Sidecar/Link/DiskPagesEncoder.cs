// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Link;

/// <summary>Joins pages that are references to the guest's disks into runs, and makes records of them.</summary>
internal sealed class DiskPagesEncoder
{
    // A record takes what a segment may have.
    private readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(DiskPages.SizeBytes(CaptureSegment.MaxPages, CaptureSegment.MaxPages));

    // One for each disk that was ever referred to.
    private readonly List<(List<DiskRun> Runs, List<ulong> Checks)> _disks = [];

    /// <summary>A page of the RAM block whose pages are being added, at most one segment's.</summary>
    /// <param name="page">Its index.</param>
    /// <param name="disk">As the backup was told of it.</param>
    /// <param name="diskBlock">The block that equals it.</param>
    /// <param name="check">Of the page.</param>
    public void Add(uint page, int disk, long diskBlock, ulong check)
    {
        while (_disks.Count <= disk)
        {
            _disks.Add(([], []));
        }
        (List<DiskRun> runs, List<ulong> checks) = _disks[disk];
        if (runs.Count > 0 && runs[^1] is var last && last.FirstPage + last.PageCount == page && last.FirstBlock + last.PageCount == diskBlock)
        {
            runs[^1] = last with { PageCount = last.PageCount + 1 };
        }
        else
        {
            runs.Add(new DiskRun(page, 1, diskBlock));
        }
        checks.Add(check);
    }

    /// <summary>Sends what was added, as pages of this RAM block, and forgets it.</summary>
    public void Ship(int block, DiskWritesEncoder.RecordSink send)
    {
        for (int disk = 0; disk < _disks.Count; disk++)
        {
            (List<DiskRun> runs, List<ulong> checks) = _disks[disk];
            if (runs.Count > 0)
            {
                int length = DiskPages.Write(_buffer, block, disk, CollectionsMarshal.AsSpan(runs), CollectionsMarshal.AsSpan(checks));
                send(RecordType.DiskPages, _buffer.AsSpan(0, length));
                runs.Clear();
                checks.Clear();
            }
        }
    }
}
