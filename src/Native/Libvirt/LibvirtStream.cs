// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Libvirt;

/// <summary>A two-way byte stream into a guest's channel, through libvirtd. Calls block; each direction may have one thread.</summary>
public sealed class LibvirtStream : IDisposable
{
    // One message of libvirt's RPC protocol takes at most 262 120 bytes of stream; larger ones are not needed for a channel.
    private const int MaxChunkBytes = 64 * 1024;

    private readonly StreamHandle _handle;
    private int _ended;

    internal LibvirtStream(StreamHandle handle) => _handle = handle;

    /// <summary>Waits for bytes. 0: the other end closed.</summary>
    public unsafe int Receive(Span<byte> buffer)
    {
        fixed (byte* data = buffer)
        {
            // SAFETY: libvirt writes at most the length given, and only during the call.
            int received = LibvirtApi.virStreamRecv(_handle, data, (nuint)buffer.Length);
            LibvirtException.ThrowIfFailed(received, nameof(LibvirtApi.virStreamRecv));
            return received;
        }
    }

    /// <summary>Hands all bytes to libvirtd. They may not have reached the guest when this returns.</summary>
    public unsafe void Send(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            fixed (byte* data = bytes)
            {
                // SAFETY: libvirt reads at most the length given, and only during the call.
                int sent = LibvirtApi.virStreamSend(_handle, data, (nuint)int.Min(bytes.Length, MaxChunkBytes));
                LibvirtException.ThrowIfFailed(sent, nameof(LibvirtApi.virStreamSend));
                bytes = bytes[sent..];
            }
        }
    }

    /// <summary>Ends the stream in both directions. A <see cref="Receive"/> that waits on another thread returns or throws.</summary>
    public void Abort()
    {
        if (Interlocked.Exchange(ref _ended, 1) == 0)
        {
            // Nothing to do about a failure: it says that the stream has ended already.
            _ = LibvirtApi.virStreamAbort(_handle);
        }
    }

    /// <summary>Aborts the stream, which libvirt demands of one that is still open, and lets it go.</summary>
    public void Dispose()
    {
        Abort();
        _handle.Dispose();
    }
}
