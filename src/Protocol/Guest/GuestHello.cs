// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Protocol.Guest;

/// <summary>Guest to host: who answers on this port and what it can tell. The answer to a ping.</summary>
/// <remarks>
/// Payload: be32 page size, u8 what the agent can report (<see cref="ScanContents"/>), 3 reserved, then three texts, each
/// be16 length and UTF-8. Everything in it is the guest's word: shown to people, used for nothing that could hurt the host.
/// </remarks>
public sealed class GuestHello
{
    /// <summary>Longest agent version, bytes of UTF-8.</summary>
    public const int MaxAgentVersionBytes = 64;

    /// <summary>Longest kernel release, bytes of UTF-8 (uname has 65).</summary>
    public const int MaxKernelReleaseBytes = 128;

    /// <summary>Longest reason, bytes of UTF-8.</summary>
    public const int MaxFreeIsOffBytes = 512;

    /// <summary>No hello frame is longer.</summary>
    public const int MaxFrameBytes =
        GuestProtocol.HeaderBytes + FixedBytes + (3 * 2) + MaxAgentVersionBytes + MaxKernelReleaseBytes + MaxFreeIsOffBytes;

    private const int FixedBytes = 8;

    /// <summary>The agent's own version.</summary>
    public required string AgentVersion { get; init; }

    /// <summary>The guest kernel's release, as uname -r says it.</summary>
    public required string KernelRelease { get; init; }

    /// <summary>Bytes of a page of which the bitmaps have one bit.</summary>
    public required uint PageSize { get; init; }

    /// <summary>The bitmaps this agent can fill.</summary>
    public required ScanContents Available { get; init; }

    /// <summary>Why free pages are not reported; empty when they are.</summary>
    public required string FreeIsOff { get; init; }

    /// <summary>False: this payload never was a hello. Control characters in the texts become '?'.</summary>
    public static bool TryParse(ReadOnlySpan<byte> payload, out GuestHello? hello)
    {
        hello = null;
        if (payload.Length < FixedBytes)
        {
            return false;
        }

        ReadOnlySpan<byte> rest = payload[FixedBytes..];
        var available = (ScanContents)payload[4];
        if (available > ScanContents.Both
            || !GuestText.TryRead(ref rest, MaxAgentVersionBytes, out string agentVersion)
            || !GuestText.TryRead(ref rest, MaxKernelReleaseBytes, out string kernelRelease)
            || !GuestText.TryRead(ref rest, MaxFreeIsOffBytes, out string freeIsOff)
            || !rest.IsEmpty)
        {
            return false;
        }

        hello = new GuestHello
        {
            AgentVersion = agentVersion,
            KernelRelease = kernelRelease,
            PageSize = BinaryPrimitives.ReadUInt32BigEndian(payload),
            Available = available,
            FreeIsOff = freeIsOff,
        };
        return true;
    }

    /// <summary>Writes the frame, texts cut to their limits. Returns its length.</summary>
    public int WriteFrame(Span<byte> frame)
    {
        Span<byte> payload = GuestFrameWriter.Payload(frame);
        payload[..FixedBytes].Clear();
        BinaryPrimitives.WriteUInt32BigEndian(payload, PageSize);
        payload[4] = (byte)Available;
        int length = FixedBytes;
        length += GuestText.Write(payload[length..], AgentVersion, MaxAgentVersionBytes);
        length += GuestText.Write(payload[length..], KernelRelease, MaxKernelReleaseBytes);
        length += GuestText.Write(payload[length..], FreeIsOff, MaxFreeIsOffBytes);
        return GuestFrameWriter.Seal(frame, GuestFrameType.Hello, length);
    }
}
