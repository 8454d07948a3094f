// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Text;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Recovery.Stream;

/// <summary>
/// Writes the elements of a migration stream: sections, commands and RAM records. What order they come in is the caller's.
/// </summary>
/// <remarks>Integers are big-endian. Bytes collect in one buffer and leave when it is full and at <see cref="Flush"/>.</remarks>
internal sealed class MigrationStreamWriter(System.IO.Stream stream)
{
    /// <summary>The id that later sections use to name the "ram" section. QEMU takes any; its own is 2 or 3.</summary>
    internal const uint RamSectionId = 2;

    private const int BufferBytes = 256 * 1024;

    // The largest element written without a check in between: a page with its header and block name.
    private const int MaxElementBytes = QemuRam.TARGET_PAGE_SIZE + 1024;

    private readonly byte[] _buffer = new byte[BufferBytes];
    private int _position;

    // The block of the last RAM record: QEMU remembers it, also from one section to the next.
    private string? _currentBlock;

    /// <summary>Bytes written so far, those in the buffer included.</summary>
    internal long BytesWritten { get; private set; }

    /// <summary>Magic, version, and the machine type that QEMU compares with its own, such as "pc-q35-10.0".</summary>
    internal void Header(string machineType)
    {
        Be32(QemuMigration.QEMU_VM_FILE_MAGIC);
        Be32(QemuMigration.QEMU_VM_FILE_VERSION);
        U8(QemuMigration.QEMU_VM_CONFIGURATION);
        byte[] name = Encoding.ASCII.GetBytes(machineType);
        Be32((uint)name.Length);
        Bytes(name);
    }

    /// <summary>START of the "ram" section: every block with its used length.</summary>
    internal void RamStart(IReadOnlyList<RamBlockInfo> blocks)
    {
        U8(QemuMigration.QEMU_VM_SECTION_START);
        Be32(RamSectionId);
        Str8(QemuRam.SectionName);
        Be32(QemuRam.SectionInstance);
        Be32(QemuRam.SectionVersion);
        Be64((ulong)blocks.Sum(block => block.UsedBytes) | QemuRam.RAM_SAVE_FLAG_MEM_SIZE);
        foreach (RamBlockInfo block in blocks)
        {
            Str8(block.Name);
            Be64((ulong)block.UsedBytes);
        }
        RamSectionEnd();
    }

    /// <summary>Opens a PART (more will follow) or the END of the "ram" section.</summary>
    internal void RamSection(byte kind)
    {
        U8(kind);
        Be32(RamSectionId);
    }

    internal void RamSectionEnd()
    {
        Be64(QemuRam.RAM_SAVE_FLAG_EOS);
        U8(QemuMigration.QEMU_VM_SECTION_FOOTER);
        Be32(RamSectionId);
    }

    /// <summary>A page with its bytes; the caller fills the returned 4096 bytes before it calls anything else.</summary>
    internal Span<byte> Page(string block, long page)
    {
        RamRecord(block, page, QemuRam.RAM_SAVE_FLAG_PAGE);
        Span<byte> bytes = _buffer.AsSpan(_position, QemuRam.TARGET_PAGE_SIZE);
        Advance(QemuRam.TARGET_PAGE_SIZE);
        return bytes;
    }

    internal void ZeroPage(string block, long page)
    {
        RamRecord(block, page, QemuRam.RAM_SAVE_FLAG_ZERO);
        U8(0);
    }

    /// <summary>A command with its payload.</summary>
    internal void Command(ushort command, ReadOnlySpan<byte> payload)
    {
        U8(QemuMigration.QEMU_VM_COMMAND);
        Be16(command);
        Be16((ushort)payload.Length);
        Bytes(payload);
    }

    internal void U8(byte value)
    {
        MakeRoom();
        _buffer[_position] = value;
        Advance(1);
    }

    internal void Be16(ushort value)
    {
        MakeRoom();
        BinaryPrimitives.WriteUInt16BigEndian(_buffer.AsSpan(_position), value);
        Advance(sizeof(ushort));
    }

    internal void Be32(uint value)
    {
        MakeRoom();
        BinaryPrimitives.WriteUInt32BigEndian(_buffer.AsSpan(_position), value);
        Advance(sizeof(uint));
    }

    internal void Be64(ulong value)
    {
        MakeRoom();
        BinaryPrimitives.WriteUInt64BigEndian(_buffer.AsSpan(_position), value);
        Advance(sizeof(ulong));
    }

    internal void Bytes(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            MakeRoom();
            int part = Math.Min(bytes.Length, BufferBytes - _position);
            bytes[..part].CopyTo(_buffer.AsSpan(_position));
            Advance(part);
            bytes = bytes[part..];
        }
    }

    internal void Flush()
    {
        stream.Write(_buffer, 0, _position);
        _position = 0;
    }

    private void RamRecord(string block, long page, ulong flags)
    {
        ulong offset = (ulong)page << QemuRam.TARGET_PAGE_BITS;
        if (ReferenceEquals(block, _currentBlock))
        {
            Be64(offset | flags | QemuRam.RAM_SAVE_FLAG_CONTINUE);
        }
        else
        {
            Be64(offset | flags);
            Str8(block);
            _currentBlock = block;
        }
        MakeRoom();
    }

    private void Str8(string text)
    {
        MakeRoom();
        int length = Encoding.UTF8.GetBytes(text, _buffer.AsSpan(_position + 1, ReplicationLimits.MaxBlockNameBytes));
        _buffer[_position] = (byte)length;
        Advance(1 + length);
    }

    private void MakeRoom()
    {
        if (BufferBytes - _position < MaxElementBytes)
        {
            Flush();
        }
    }

    private void Advance(int bytes)
    {
        _position += bytes;
        BytesWritten += bytes;
    }
}
