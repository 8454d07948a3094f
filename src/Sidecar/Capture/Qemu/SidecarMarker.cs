// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using Hikae.Native.Linux;

namespace Hikae.Sidecar.Capture;

/// <summary>What the next sidecar must know if this one is killed: whether the guest's pause is ours, and under which claim it ran.</summary>
/// <remarks>
/// A sidecar killed between "stop" and "cont" leaves a guest that stands still. The next one finds the mark in this file on tmpfs and
/// lets the guest go on, but never a guest that a user paused: the mark is set before our "stop" and cleared after our "cont".
/// Layout: be32 magic "HKSM", u8 version 1, u8 paused by us, be16 0, be32 QEMU's pid, be32 0, be64 generation owned.
/// </remarks>
internal sealed class SidecarMarker : IDisposable
{
    private const int FileBytes = 24;
    private const uint Magic = 0x484b534d;
    private const byte Version = 1;

    private readonly MappedFile _file;

    private SidecarMarker(MappedFile file) => _file = file;

    /// <summary>Opens the marker of one guest, and makes it when there is none or its content is not ours.</summary>
    public static SidecarMarker Open(string path)
    {
        MappedFile file = MappedFile.OpenOrCreate(path, FileBytes);
        Span<byte> span = file.Span;
        if (BinaryPrimitives.ReadUInt32BigEndian(span) != Magic || span[4] != Version)
        {
            span.Clear();
            BinaryPrimitives.WriteUInt32BigEndian(span, Magic);
            span[4] = Version;
        }
        return new SidecarMarker(file);
    }

    /// <summary>True from before our "stop" until after our "cont".</summary>
    public bool PausedByUs
    {
        get => Volatile.Read(ref _file.Span[5]) != 0;
        set => Volatile.Write(ref _file.Span[5], value ? (byte)1 : (byte)0);
    }

    /// <summary>What was noted for another run of the guest counts no more: that process is gone, and so is its pause.</summary>
    public void BeginRun(int qemuPid)
    {
        if (BinaryPrimitives.ReadInt32BigEndian(_file.Span[8..]) != qemuPid)
        {
            PausedByUs = false;
            SetOwnedGeneration(qemuPid, 0);
        }
    }

    /// <summary>The generation under which this host owned the guest while QEMU had pid <paramref name="qemuPid"/>; 0 when another process runs it now, or none was owned.</summary>
    public long OwnedGeneration(int qemuPid) =>
        BinaryPrimitives.ReadInt32BigEndian(_file.Span[8..]) == qemuPid ? BinaryPrimitives.ReadInt64BigEndian(_file.Span[16..]) : 0;

    /// <summary>The same for whichever process was the last.</summary>
    public long LastOwnedGeneration => BinaryPrimitives.ReadInt64BigEndian(_file.Span[16..]);

    /// <summary>Remembers an owned generation.</summary>
    public void SetOwnedGeneration(int qemuPid, long generation)
    {
        BinaryPrimitives.WriteInt64BigEndian(_file.Span[16..], generation);
        BinaryPrimitives.WriteInt32BigEndian(_file.Span[8..], qemuPid);
    }

    public void Dispose() => _file.Dispose();
}
