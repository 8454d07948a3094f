// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Guest;

/// <summary>One whole frame whose checks held. The payload is borrowed from the reader's buffer and is not yet judged.</summary>
public readonly ref struct GuestFrame
{
    internal GuestFrame(GuestFrameType type, ReadOnlySpan<byte> payload)
    {
        Type = type;
        Payload = payload;
    }

    /// <summary>The type as sent; may be one we do not know.</summary>
    public GuestFrameType Type { get; }

    /// <summary>The bytes after the header.</summary>
    public ReadOnlySpan<byte> Payload { get; }

    /// <summary>True: a reader that does not know the type passes over it.</summary>
    public bool IsOptional => ((ushort)Type & GuestProtocol.OptionalBit) != 0;
}
