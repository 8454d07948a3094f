// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Buffer;

/// <summary>A bounded log of disk writes in a tmpfs file, cut into epochs.</summary>
internal sealed class EpochBuffer : IDisposable
{
    /// <summary>Creates the file, or takes over what a killed process left in it.</summary>
    /// <param name="path">On tmpfs.</param>
    /// <param name="maxBytes">The bound: from half of it on a checkpoint is wanted, beyond it writers are slowed down. The file may grow past it by a reserve.</param>
    /// <exception cref="DamagedBufferException">It was written by us, and what it says was published cannot be read.</exception>
    public static EpochBuffer Open(string path, long maxBytes) => throw new NotImplementedException();

    /// <summary>Bytes in use, headers included.</summary>
    public long UsedBytes => throw new NotImplementedException();

    /// <summary>Bytes of the open epoch's entries, headers included.</summary>
    public long OpenEpochBytes => throw new NotImplementedException();

    /// <summary>0 = none yet.</summary>
    public ulong LastSealed => throw new NotImplementedException();

    /// <summary>0 = none yet.</summary>
    public ulong LastCommitted => throw new NotImplementedException();

    /// <summary>0 = none yet.</summary>
    public ulong LastDropped => throw new NotImplementedException();

    /// <summary>No write in it, sealed or not.</summary>
    public bool IsEmpty => throw new NotImplementedException();

    /// <summary>To the open epoch.</summary>
    /// <param name="kind">What the guest did.</param>
    /// <param name="offset">First byte on the disk.</param>
    /// <param name="length">Number of bytes on the disk.</param>
    /// <param name="data"><paramref name="length"/> bytes for a Write, else empty.</param>
    /// <returns>False: no room, not even in the reserve. Nothing was appended.</returns>
    public bool TryAppend(DiskWrite kind, long offset, long length, ReadOnlySpan<byte> data) => throw new NotImplementedException();

    /// <summary>The open epoch holds a FLUSH.</summary>
    public void MarkFlush() => throw new NotImplementedException();

    /// <summary>The open epoch becomes <paramref name="epoch"/>, which is greater than any before it since the buffer was last empty.</summary>
    public void Seal(ulong epoch) => throw new NotImplementedException();

    /// <summary>Remembered in the file.</summary>
    public void CommitThrough(ulong epoch) => throw new NotImplementedException();

    /// <summary>Forgets the open epoch (a torn one on the backup).</summary>
    public void DiscardOpen() => throw new NotImplementedException();

    /// <summary>Forgets everything through <paramref name="epoch"/>; its space is used again.</summary>
    public void DropThrough(ulong epoch) => throw new NotImplementedException();

    /// <summary>Forgets everything; epochs may count from 1 again.</summary>
    public void Clear() => throw new NotImplementedException();

    /// <summary>Sealed and not dropped.</summary>
    public bool HoldsFlush(ulong epoch) => throw new NotImplementedException();

    /// <summary>The writes of a sealed epoch that was not dropped.</summary>
    public EpochEntries ReadEpoch(ulong epoch) => throw new NotImplementedException();

    public void Dispose()
    {
    }
}
