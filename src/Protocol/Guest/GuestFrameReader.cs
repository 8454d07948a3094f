// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.IO.Hashing;

namespace Hikae.Protocol.Guest;

/// <summary>Finds whole frames in a buffered stretch of the port's stream, whatever else lies between them.</summary>
/// <remarks>
/// Three answers: a frame (<see cref="TryRead"/> is true), not yet (false), and never (<see cref="RefusedFrames"/> went up
/// and the search went on behind the magic of the bad frame). A bad frame is skipped by its magic only, not by the length
/// it claims: the length is what is least to be trusted, and a torn frame would take its whole successor with it.
/// Nothing is allocated and nothing is thrown, whatever the bytes are. Each refused frame costs at most one hash of
/// <see cref="GuestProtocol.MaxFrameBytes"/>; the caller drops a peer whose count grows without end.
/// </remarks>
public ref struct GuestFrameReader
{
    private readonly ReadOnlySpan<byte> _buffered;
    private int _position;

    /// <summary>Reads from the front of what the caller has buffered.</summary>
    public GuestFrameReader(ReadOnlySpan<byte> buffered)
    {
        _buffered = buffered;
    }

    /// <summary>Bytes the caller may drop from the front of its buffer.</summary>
    public readonly int Consumed => _position;

    /// <summary>Magics that were followed by something other than a good frame.</summary>
    public int RefusedFrames { get; private set; }

    /// <summary>Bytes that belonged to no good frame.</summary>
    public long SkippedBytes { get; private set; }

    /// <summary>False: no whole frame is left, read more and call again with a new reader.</summary>
    public bool TryRead(out GuestFrame frame)
    {
        frame = default;
        while (TryFindMagic())
        {
            ReadOnlySpan<byte> rest = _buffered[_position..];
            if (rest.Length < GuestProtocol.HeaderBytes)
            {
                return false;
            }

            if (!TryReadHeader(rest, out GuestFrameType type, out int payloadBytes))
            {
                Refuse();
                continue;
            }

            int frameBytes = GuestProtocol.HeaderBytes + payloadBytes;
            if (rest.Length < frameBytes)
            {
                return false;
            }

            ReadOnlySpan<byte> payload = rest[GuestProtocol.HeaderBytes..frameBytes];
            if (BinaryPrimitives.ReadUInt64BigEndian(rest[16..]) != GuestFrameWriter.Check(rest[..16], payload))
            {
                Refuse();
                continue;
            }

            _position += frameBytes;
            frame = new GuestFrame(type, payload);
            return true;
        }

        return false;
    }

    private static bool TryReadHeader(ReadOnlySpan<byte> header, out GuestFrameType type, out int payloadBytes)
    {
        ushort version = BinaryPrimitives.ReadUInt16BigEndian(header[4..]);
        type = (GuestFrameType)BinaryPrimitives.ReadUInt16BigEndian(header[6..]);
        uint length = BinaryPrimitives.ReadUInt32BigEndian(header[8..]);
        payloadBytes = (int)Math.Min(length, GuestProtocol.MaxPayloadBytes);
        return BinaryPrimitives.ReadUInt32BigEndian(header[12..]) == Crc32.HashToUInt32(header[..12])
            && version is >= GuestProtocol.OldestVersion and <= GuestProtocol.Version
            && length <= GuestProtocol.MaxPayloadBytes;
    }

    /// <summary>Moves to the next magic, or to where one may have begun at the very end.</summary>
    private bool TryFindMagic()
    {
        ReadOnlySpan<byte> magic = [0x48, 0x4B, 0x41, 0x47];
        ReadOnlySpan<byte> rest = _buffered[_position..];
        int found = rest.IndexOf(magic);
        int skipped = found;
        if (found < 0)
        {
            int kept = Math.Min(magic.Length - 1, rest.Length);
            while (!magic.StartsWith(rest[^kept..]))
            {
                kept--;
            }

            skipped = rest.Length - kept;
        }

        _position += skipped;
        SkippedBytes += skipped;
        return found >= 0;
    }

    private void Refuse()
    {
        const int magicBytes = 4;
        RefusedFrames++;
        SkippedBytes += magicBytes;
        _position += magicBytes;
    }
}
