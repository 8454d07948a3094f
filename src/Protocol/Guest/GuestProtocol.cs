// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Guest;

/// <summary>The numbers and limits of what host and guest agent say over the virtio-serial port.</summary>
/// <remarks>
/// All integers are big-endian. A frame is
/// <code>
///  0               1               2               3
/// +---------------+---------------+---------------+---------------+
/// |                    magic 0x484B4147 "HKAG"                    |  0
/// +---------------+---------------+---------------+---------------+
/// |            version            |  type (bit 15: optional)      |  4
/// +---------------+---------------+---------------+---------------+
/// |                     payload length, bytes                     |  8
/// +---------------+---------------+---------------+---------------+
/// |               CRC-32 of the 12 bytes before this              | 12
/// +---------------+---------------+---------------+---------------+
/// |     XxHash3 (64 bits) of the payload, its seed being the      | 16
/// |          XxHash3 (64 bits) of the 16 bytes before this        | 20
/// +---------------+---------------+---------------+---------------+
/// |                         payload ...                           | 24
/// </code>
/// The port drops bytes whenever one end closes, so a reader must find the next frame in the middle of a stream: it
/// looks for the magic. The header has a check of its own, so that four accidental bytes cannot make a reader wait for a
/// payload that never comes. A type with bit 15 set may be skipped by a reader that does not know it; a reader refuses
/// any other unknown type. The header never changes its form; <see cref="Version"/> covers the payloads.
/// </remarks>
public static class GuestProtocol
{
    /// <summary>The virtio-serial port's name, as in the domain XML's target element.</summary>
    public const string PortName = "org.hikae.guest.0";

    /// <summary>"HKAG": the first four bytes of each frame.</summary>
    public const uint Magic = 0x484B4147;

    /// <summary>The version we write. We read this one and the one before it (there is none before 1).</summary>
    public const ushort Version = 1;

    /// <summary>The oldest version we read.</summary>
    public const ushort OldestVersion = 1;

    /// <summary>Bytes before the payload.</summary>
    public const int HeaderBytes = 24;

    /// <summary>No frame is longer, header included: what a reader must be ready to buffer.</summary>
    public const int MaxFrameBytes = 256 * 1024;

    /// <summary>No payload is longer.</summary>
    public const int MaxPayloadBytes = MaxFrameBytes - HeaderBytes;

    /// <summary>Pages one answer frame speaks of, at most: 1 GiB of guest memory, 32 KiB a bitmap.</summary>
    public const int MaxSlicePages = 256 * 1024;

    /// <summary>Bytes that the bitmaps of one answer take when decompressed, at most (two bitmaps).</summary>
    public const int MaxSliceBytes = 2 * MaxSlicePages / 8;

    /// <summary>Page frames of a chunk: 2 MiB, of which one figure says how much was read.</summary>
    public const int ChunkPages = 512;

    /// <summary>The first page frame number that cannot exist: 52 bits of physical address, 4 KiB pages.</summary>
    public const ulong MaxPfn = 1UL << 40;

    /// <summary>Set in a type that a reader may skip when it does not know it.</summary>
    public const ushort OptionalBit = 0x8000;
}
