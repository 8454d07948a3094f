// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Net.Sockets;

namespace Hikae.Sidecar.Tests.Disk;

/// <summary>An NBD client that sends what it is told and reads what comes: for what the real ones never send, and for many requests at once.</summary>
internal sealed class NbdTestClient : IDisposable
{
    public const ushort Read = 0;
    public const ushort Write = 1;
    public const ushort Disconnect = 2;
    public const ushort Flush = 3;
    public const ushort Trim = 4;
    public const ushort Cache = 5;
    public const ushort WriteZeroes = 6;
    public const ushort BlockStatus = 7;
    public const ushort Fua = 1;
    public const ushort NoHole = 2;
    public const ushort FastZero = 1 << 4;

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private ulong _cookie;

    public NbdTestClient(string path, bool structured = true)
    {
        _socket.ReceiveTimeout = (int)RunningDisk.Patience.TotalMilliseconds;
        _socket.Connect(new UnixDomainSocketEndPoint(path));
        if (structured)
        {
            Greet();
            Option(8, []);
            ReadOptionReplies();
            Go();
        }
    }

    public Socket Socket => _socket;

    /// <summary>Bytes of the export, from <see cref="Go"/>.</summary>
    public ulong SizeBytes { get; private set; }

    public void Greet()
    {
        Receive(18);
        _socket.Send([0, 0, 0, 3]);
    }

    public void Option(uint option, ReadOnlySpan<byte> data)
    {
        byte[] bytes = new byte[16 + data.Length];
        "IHAVEOPT"u8.CopyTo(bytes);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(8), option);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(12), (uint)data.Length);
        data.CopyTo(bytes.AsSpan(16));
        _socket.Send(bytes);
    }

    /// <summary>Replies until the last of an option; the last one's type.</summary>
    public uint ReadOptionReplies()
    {
        while (true)
        {
            byte[] header = Receive(20);
            uint type = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(12));
            byte[] data = Receive((int)BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(16)));
            if (type == 3 && data[1] == 0)
            {
                SizeBytes = BinaryPrimitives.ReadUInt64BigEndian(data.AsSpan(2));
            }

            if (type == 1 || (type & (1u << 31)) != 0)
            {
                return type;
            }
        }
    }

    public uint Go()
    {
        Option(7, [0, 0, 0, 0, 0, 0]);
        return ReadOptionReplies();
    }

    /// <summary>Sends a request and does not wait. Its cookie.</summary>
    public ulong Send(ushort type, ulong offset, uint length, ReadOnlySpan<byte> data = default, ushort flags = 0)
    {
        byte[] bytes = new byte[28 + data.Length];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, 0x25609513);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(4), flags);
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(6), type);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(8), ++_cookie);
        BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(16), offset);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(24), length);
        data.CopyTo(bytes.AsSpan(28));
        SendAll(bytes);
        return _cookie;
    }

    /// <summary>The next reply, to whichever request.</summary>
    public NbdTestReply Next()
    {
        byte[] start = Receive(16);
        ulong cookie = BinaryPrimitives.ReadUInt64BigEndian(start.AsSpan(8));
        if (BinaryPrimitives.ReadUInt32BigEndian(start) == 0x67446698)
        {
            return new NbdTestReply(cookie, BinaryPrimitives.ReadUInt32BigEndian(start.AsSpan(4)), []);
        }

        byte[] payload = Receive((int)BinaryPrimitives.ReadUInt32BigEndian(Receive(4)));
        ushort type = BinaryPrimitives.ReadUInt16BigEndian(start.AsSpan(6));
        return (type & 0x8000) != 0
            ? new NbdTestReply(cookie, BinaryPrimitives.ReadUInt32BigEndian(payload), [])
            : new NbdTestReply(cookie, 0, payload[8..]);
    }

    /// <summary>Sends a request and waits for its answer, with no other under way.</summary>
    public NbdTestReply Do(ushort type, ulong offset, uint length, ReadOnlySpan<byte> data = default, ushort flags = 0)
    {
        ulong cookie = Send(type, offset, length, data, flags);
        NbdTestReply reply = Next();
        Xunit.Assert.Equal(cookie, reply.Cookie);
        return reply;
    }

    public void WriteBytes(long offset, byte[] data, ushort flags = 0) =>
        Xunit.Assert.Equal(0u, Do(Write, (ulong)offset, (uint)data.Length, data, flags).Error);

    public byte[] ReadBytes(long offset, int length)
    {
        NbdTestReply reply = Do(Read, (ulong)offset, (uint)length);
        Xunit.Assert.Equal(0u, reply.Error);
        return reply.Data;
    }

    /// <summary>The server closed the connection, after whatever else it had to say.</summary>
    public bool IsClosed()
    {
        try
        {
            byte[] rest = new byte[4096];
            while (_socket.Receive(rest) > 0)
            {
            }

            return true;
        }
        catch (SocketException error)
        {
            return error.SocketErrorCode is SocketError.ConnectionReset;
        }
    }

    public byte[] Receive(int length)
    {
        byte[] bytes = new byte[length];
        for (int received = 0; received < length;)
        {
            int more = _socket.Receive(bytes.AsSpan(received));
            if (more == 0)
            {
                throw new EndOfStreamException($"closed after {received} of {length} bytes");
            }

            received += more;
        }

        return bytes;
    }

    public void Dispose() => _socket.Dispose();

    private void SendAll(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_socket.Send(bytes)..];
        }
    }
}
