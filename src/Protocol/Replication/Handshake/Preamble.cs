// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Replication;

/// <summary>
/// The first 24 bytes of a replication connection, before TLS: <c>"HIKAE" 00, be16 version, 16 bytes guest UUID</c>.
/// </summary>
/// <remarks>
/// They only say which process on the backup host the connection is for, so that the daemon can hand the socket over before any
/// key is used. Nothing is believed because of them: the guest is named again in <see cref="Hello"/>, inside TLS, and must be the same.
/// </remarks>
public static class Preamble
{
    /// <summary>Bytes on the wire.</summary>
    public const int Bytes = 24;

    /// <summary>The version of the preamble itself; the protocol's is agreed in Hello.</summary>
    public const ushort Version = 1;

    private static ReadOnlySpan<byte> Magic => "HIKAE\0"u8;

    /// <summary>Writes the preamble for a guest.</summary>
    public static void Write(Span<byte> destination, Guid guest)
    {
        Magic.CopyTo(destination);
        BinaryPrimitives.WriteUInt16BigEndian(destination[6..], Version);
        guest.TryWriteBytes(destination.Slice(8, 16), bigEndian: true, out _);
    }

    /// <summary>False when the 24 bytes are not a preamble of a version we speak; <paramref name="reason"/> then says why.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out Guid guest, out string? reason)
    {
        guest = default;
        if (bytes.Length != Bytes || !bytes.StartsWith(Magic))
        {
            reason = "not a Hikae connection";
            return false;
        }
        ushort version = BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]);
        if (version != Version)
        {
            reason = $"preamble version {version}, this host speaks {Version}";
            return false;
        }
        guest = new Guid(bytes.Slice(8, 16), bigEndian: true);
        reason = null;
        return true;
    }
}
