// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;
using Hikae.Sidecar.Disk.Buffer;
using Hikae.Sidecar.Disk.Content;
using Hikae.Sidecar.Disk.Nbd;

namespace Hikae.Sidecar.Disk;

// Reads that nobody asked for, so that the content of blocks is known that the guest read before it was served.
internal sealed partial class ServedDisk
{
    // Of a hole, in one step; what is said of it fits 32 bits.
    private const long LongestHole = 1 << 30;

    // guarded by _state
    private bool _isScanning;
    private long _scanAt;

    /// <summary>
    /// Reads the next stretch of the disk or steps over a hole; behind the end it goes on at the beginning. Waits for the storage; what that cannot read is passed. A
    /// second thread waits for the first.
    /// </summary>
    /// <param name="buffer">As much is read at most; whole blocks.</param>
    /// <returns>Bytes passed, 0 when the disk is served no more; and bytes of these that were read.</returns>
    public (long Passed, int Read) Scan(Span<byte> buffer)
    {
        lock (_state)
        {
            while (_isScanning && !_ends)
            {
                Monitor.Wait(_state);
            }

            if (_ends || SizeBytes == 0)
            {
                return (0, 0);
            }

            _isScanning = true;
        }

        (long Passed, int Read) step = (0, 0);
        try
        {
            step = ScanFrom(_scanAt, buffer);
        }
        finally
        {
            lock (_state)
            {
                _isScanning = false;
                _scanAt = _scanAt + step.Passed < SizeBytes ? _scanAt + step.Passed : 0;
                Monitor.PulseAll(_state);
            }
        }

        return step;
    }

    private (long Passed, int Read) ScanFrom(long at, Span<byte> buffer)
    {
        int length = (int)Math.Min(buffer.Length, SizeBytes - at);
        try
        {
            List<NbdExtent> extents = [];
            ((INbdExport)this).Extents(at, Math.Min(LongestHole, SizeBytes - at), 1, extents);
            bool isHole = (extents[0].State & NbdProtocol.NBD_STATE_ZERO) != 0;

            // To the end of an extent and not into the next one; but a block that is in both is read.
            long extent = extents[0].Length;
            extent = isHole ? extent / ContentIndex.BlockBytes * ContentIndex.BlockBytes : (extent + ContentIndex.BlockBytes - 1) / ContentIndex.BlockBytes * ContentIndex.BlockBytes;
            if (isHole && extent > 0)
            {
                return (Math.Min(extent, SizeBytes - at), 0);
            }

            length = isHole ? (int)Math.Min(ContentIndex.BlockBytes, SizeBytes - at) : (int)Math.Min(extent, length);
            ReadForContent(at, buffer[..length]);
        }
        catch (Exception error) when (error is IOException or LinuxException)
        {
            // What cannot be read is not known.
        }

        return (length, length);
    }

    private void ReadForContent(long offset, Span<byte> destination)
    {
        ulong tick = _content?.BeginRead() ?? 0;
        List<DiskRange> missing = [];
        _buffer.Read(offset, destination, missing);
        foreach (DiskRange range in missing)
        {
            _image.ReadOnce(range.Offset, destination.Slice((int)(range.Offset - offset), (int)range.Length));
        }

        _content?.EndRead(tick, offset, destination, onlyWanted: true);
    }
}
