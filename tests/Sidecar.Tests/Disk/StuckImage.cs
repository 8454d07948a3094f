// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk.Images;

namespace Hikae.Sidecar.Tests.Disk;

/// <summary>An image on storage that hangs, or fails, for as long as a test wants.</summary>
internal sealed class StuckImage(IDiskImage image) : IDiskImage
{
    private readonly ManualResetEventSlim _works = new(true);

    /// <summary>Not null: writes, flushes and reads for a scan end in this.</summary>
    public Exception? Failure { get; set; }

    /// <summary>Not null: the next flush, and only that, ends in this.</summary>
    public Exception? FlushFailure { get; set; }

    /// <summary>What each write takes at least: slow storage.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Pretend that nothing is in memory.</summary>
    public bool HasNoCache { get; set; }

    /// <summary>Writes that got through, in order.</summary>
    public List<(string What, long Offset, long Length)> Done { get; } = [];

    public bool Hangs
    {
        set
        {
            if (value)
            {
                _works.Reset();
            }
            else
            {
                _works.Set();
            }
        }
    }

    public void Read(long offset, Span<byte> destination)
    {
        _works.Wait();
        image.Read(offset, destination);
    }

    public void ReadOnce(long offset, Span<byte> destination)
    {
        _works.Wait();
        if (Failure is { } failure)
        {
            throw failure;
        }

        image.ReadOnce(offset, destination);
    }

    public void DropCached(long offset, long length) => image.DropCached(offset, length);

    public bool TryReadCached(long offset, Span<byte> destination) => !HasNoCache && image.TryReadCached(offset, destination);

    public void Write(long offset, ReadOnlySpan<byte> data)
    {
        Pass("write", offset, data.Length);
        image.Write(offset, data);
    }

    public void WriteZeroes(long offset, long length, bool mayUnmap)
    {
        Pass(mayUnmap ? "unmap" : "zero", offset, length);
        image.WriteZeroes(offset, length, mayUnmap);
    }

    public void Trim(long offset, long length)
    {
        Pass("trim", offset, length);
        image.Trim(offset, length);
    }

    public void Flush()
    {
        if (FlushFailure is { } failure)
        {
            FlushFailure = null;
            throw failure;
        }

        Pass("flush", 0, 0);
        image.Flush();
    }

    public (long Length, bool IsHole) Extent(long offset, long length) => image.Extent(offset, length);

    public void Dispose()
    {
        _works.Set();
        _works.Dispose();
    }

    private void Pass(string what, long offset, long length)
    {
        _works.Wait();
        if (Delay > TimeSpan.Zero)
        {
            Thread.Sleep(Delay);
        }

        if (Failure is { } failure)
        {
            throw failure;
        }

        lock (Done)
        {
            Done.Add((what, offset, length));
        }
    }
}
