// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Numerics;
using System.Net.Sockets;
using System.Security.Authentication;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Link;

/// <summary>Sends and receives whole records over a connected stream. One thread receives; any thread sends.</summary>
/// <remarks>
/// Reads block: a thread of its own beats asynchronous reads here by a factor of two and holds no surprises. Silence longer than the
/// socket's receive timeout, an end of the stream, and bytes that are no record all become <see cref="PeerLostException"/>; the
/// connection is of no use after that.
/// </remarks>
internal sealed class RecordConnection : IDisposable
{
    // TLS below 16 KiB a write costs half the throughput; small records are gathered up to this before they are written.
    private const int GatherBytes = 256 * 1024;

    private readonly Stream _stream;
    private readonly Socket _socket;
    private readonly Lock _sendGate = new();

    // guarded by _sendGate
    private readonly byte[] _gathered = GC.AllocateUninitializedArray<byte>(GatherBytes);
    private int _gatheredBytes;
    private long _bytesSent;

    // receiving thread only
    private readonly byte[] _header = new byte[RecordHeader.Bytes];
    private byte[] _payload = [];

    /// <param name="stream">The connected stream, TLS or plain. Disposed with this object.</param>
    /// <param name="socket">The socket below it, for its timeouts. Disposed with this object.</param>
    public RecordConnection(Stream stream, Socket socket)
    {
        _stream = stream;
        _socket = socket;
    }

    /// <summary>Bytes given to the stream so far, before TLS.</summary>
    public long BytesSent => Interlocked.Read(ref _bytesSent);

    /// <summary>How long the peer may be silent.</summary>
    public TimeSpan SilenceLimit
    {
        set => _socket.ReceiveTimeout = (int)value.TotalMilliseconds;
    }

    /// <summary>Puts a record into the gathering buffer; it leaves when that is full, or at <see cref="Flush"/>.</summary>
    /// <param name="type">What it says.</param>
    /// <param name="epoch">Of its header.</param>
    /// <param name="payload">Within the type's limit.</param>
    /// <param name="isOptional">A peer that does not know the type passes over it.</param>
    public void Gather(RecordType type, ulong epoch, ReadOnlySpan<byte> payload, bool isOptional = false)
    {
        lock (_sendGate)
        {
            GatherLocked(type, epoch, payload, isOptional);
        }
    }

    /// <summary>Sends a record, and all that was gathered before it, at once.</summary>
    public void Send(RecordType type, ulong epoch, ReadOnlySpan<byte> payload)
    {
        lock (_sendGate)
        {
            GatherLocked(type, epoch, payload);
            FlushLocked();
        }
    }

    /// <summary>Sends a record unless another thread is busy sending for longer than <paramref name="patience"/>. False: not sent.</summary>
    public bool TrySend(RecordType type, ulong epoch, ReadOnlySpan<byte> payload, TimeSpan patience)
    {
        if (!_sendGate.TryEnter(patience))
        {
            return false;
        }
        try
        {
            GatherLocked(type, epoch, payload);
            FlushLocked();
            return true;
        }
        finally
        {
            _sendGate.Exit();
        }
    }

    /// <summary>Sends all that was gathered.</summary>
    public void Flush()
    {
        lock (_sendGate)
        {
            FlushLocked();
        }
    }

    /// <summary>Blocks until a whole record is there. The payload is valid until the next call.</summary>
    public RecordHeader Receive(out ReadOnlySpan<byte> payload)
    {
        try
        {
            _stream.ReadExactly(_header);
            RecordHeader header = RecordHeader.Parse(_header);
            if (_payload.Length < header.PayloadBytes)
            {
                // Rounded up, so that a sequence of growing records does not allocate each time.
                _payload = GC.AllocateUninitializedArray<byte>((int)BitOperations.RoundUpToPowerOf2((uint)header.PayloadBytes));
            }
            Span<byte> bytes = _payload.AsSpan(0, header.PayloadBytes);
            _stream.ReadExactly(bytes);
            header.Verify(_header, bytes);
            payload = bytes;
            return header;
        }
        catch (Exception error) when (error is IOException or SocketException or InvalidOperationException or AuthenticationException or ReplicationProtocolException)
        {
            throw new PeerLostException($"The link is lost: {Innermost(error)}", error) { IsSilence = IsTimeout(error) };
        }
    }

    public void Dispose()
    {
        // The socket first: a thread blocked in the stream's write must not be waited for.
        _socket.Dispose();
        _stream.Dispose();
    }

    private static bool IsTimeout(Exception error) =>
        error.InnerException is SocketException { SocketErrorCode: SocketError.TimedOut or SocketError.WouldBlock };

    private static string Innermost(Exception error) => error switch
    {
        EndOfStreamException => "the peer closed the connection",
        _ when IsTimeout(error) => "the peer was silent for too long",
        _ => error.InnerException?.Message ?? error.Message,
    };

    private void GatherLocked(RecordType type, ulong epoch, ReadOnlySpan<byte> payload, bool isOptional = false)
    {
        int needed = RecordHeader.Bytes + payload.Length;
        if (needed > GatherBytes - _gatheredBytes)
        {
            FlushLocked();
        }
        if (needed <= GatherBytes)
        {
            RecordHeader.Write(_gathered.AsSpan(_gatheredBytes), type, epoch, payload, isOptional);
            payload.CopyTo(_gathered.AsSpan(_gatheredBytes + RecordHeader.Bytes));
            _gatheredBytes += needed;
            return;
        }
        RecordHeader.Write(_gathered, type, epoch, payload, isOptional);
        Write(_gathered.AsSpan(0, RecordHeader.Bytes));
        Write(payload);
    }

    private void FlushLocked()
    {
        if (_gatheredBytes > 0)
        {
            int bytes = _gatheredBytes;
            _gatheredBytes = 0;
            Write(_gathered.AsSpan(0, bytes));
        }
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _stream.Write(bytes);
            Interlocked.Add(ref _bytesSent, bytes.Length);
        }
        catch (Exception error) when (error is IOException or SocketException or InvalidOperationException or AuthenticationException)
        {
            throw new PeerLostException($"The link is lost: {Innermost(error)}", error);
        }
    }
}
