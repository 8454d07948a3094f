// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Text.Json;

namespace Hikae.Protocol.Control;

/// <summary>The bytes of the control socket: <c>be32 length, that many bytes of UTF-8 JSON</c>, one <see cref="ControlMessage"/> each.</summary>
public static class ControlFrame
{
    /// <summary>Encodes one message with its length.</summary>
    /// <exception cref="ControlProtocolException">The message is longer than <see cref="ControlLimits.MaxFrameBytes"/>.</exception>
    public static byte[] Write(ControlMessage message)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(message, ControlJsonContext.Default.ControlMessage);
        if (json.Length > ControlLimits.MaxFrameBytes)
        {
            throw new ControlProtocolException(
                $"A {message.GetType().Name} message of {json.Length} bytes, the limit is {ControlLimits.MaxFrameBytes}.");
        }
        byte[] frame = new byte[ControlLimits.PrefixBytes + json.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, json.Length);
        json.CopyTo(frame, ControlLimits.PrefixBytes);
        return frame;
    }

    /// <summary>
    /// Reads the message at the front of <paramref name="buffered"/>. False: it is not whole yet, read more and call again
    /// (<paramref name="consumed"/> is then 0). Throws: it never will be.
    /// </summary>
    /// <param name="buffered">Bytes received and not yet consumed.</param>
    /// <param name="message">The message when true.</param>
    /// <param name="consumed">Bytes the message took.</param>
    /// <param name="maxBytes">The longest JSON accepted here; a reader that expects short messages passes a lower limit.</param>
    public static bool TryRead(
        ReadOnlySpan<byte> buffered, out ControlMessage message, out int consumed, int maxBytes = ControlLimits.MaxFrameBytes)
    {
        message = null!;
        consumed = 0;
        if (buffered.Length < ControlLimits.PrefixBytes)
        {
            return false;
        }
        uint length = BinaryPrimitives.ReadUInt32BigEndian(buffered);
        if (length == 0 || length > (uint)maxBytes)
        {
            throw new ControlProtocolException($"A frame of {length} bytes; 1 to {maxBytes} are allowed.");
        }
        if ((uint)(buffered.Length - ControlLimits.PrefixBytes) < length)
        {
            return false;
        }
        message = Parse(buffered.Slice(ControlLimits.PrefixBytes, (int)length));
        consumed = ControlLimits.PrefixBytes + (int)length;
        return true;
    }

    private static ControlMessage Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, ControlJsonContext.Default.ControlMessage)
                ?? throw new ControlProtocolException("The message is null.");
        }
        catch (Exception error) when (error is JsonException or NotSupportedException or ArgumentException or FormatException)
        {
            // A missing "type" is reported as NotSupportedException: the abstract base cannot be made.
            throw new ControlProtocolException($"The message is not understood: {error.Message}", error);
        }
    }
}
