// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk.Buffer;
using Hikae.Sidecar.Disk.Nbd;

namespace Hikae.Sidecar.Disk;

// What of the disk is allocated.
internal sealed partial class ServedDisk
{
    void INbdExport.Extents(long offset, long length, int limit, List<NbdExtent> extents)
    {
        List<OverlayInterval> covered = [];
        _buffer.Cover(offset, length, limit, covered);
        long at = offset;
        long end = covered.Count == limit ? covered[^1].End : offset + length;
        foreach (OverlayInterval interval in covered)
        {
            uint state = interval.Kind switch
            {
                DiskWrite.Write => 0,
                DiskWrite.WriteZeroes => NbdProtocol.NBD_STATE_ZERO,
                _ => NbdProtocol.NBD_STATE_HOLE | NbdProtocol.NBD_STATE_ZERO,
            };
            if (!AddImageExtents(at, interval.Start, limit, extents) || !AddExtent(extents, limit, interval.End - interval.Start, state))
            {
                return;
            }

            at = interval.End;
        }

        AddImageExtents(at, end, limit, extents);
    }

    private bool AddImageExtents(long offset, long end, int limit, List<NbdExtent> extents)
    {
        while (offset < end)
        {
            (long length, bool isHole) = _image.Extent(offset, end - offset);
            if (!AddExtent(extents, limit, length, isHole ? NbdProtocol.NBD_STATE_HOLE | NbdProtocol.NBD_STATE_ZERO : 0))
            {
                return false;
            }

            offset += length;
        }

        return true;
    }

    // Like neighbours become one. False: no more of them are wanted.
    private static bool AddExtent(List<NbdExtent> extents, int limit, long length, uint state)
    {
        if (extents.Count > 0 && extents[^1].State == state)
        {
            extents[^1] = extents[^1] with { Length = extents[^1].Length + (uint)length };
            return true;
        }

        if (extents.Count == limit)
        {
            return false;
        }

        extents.Add(new NbdExtent((uint)length, state));
        return true;
    }
}
