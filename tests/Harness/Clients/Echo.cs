// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Hikae.Harness.Labs;

namespace Hikae.Harness.Clients;

/// <summary>ping from the LAN, without the program.</summary>
public sealed class Echo : IDisposable
{
    private const int HeaderBytes = 8;
    private const int PayloadBytes = 56;
    private const int PatienceMs = 90_000;
    private const byte EchoReply = 0;
    private const byte EchoRequest = 8;

    private readonly Socket _socket;
    private readonly EndPoint _guest;
    private readonly byte[] _request = new byte[HeaderBytes + PayloadBytes];
    private readonly byte[] _answer = new byte[1500];
    private ushort _sequence;

    /// <summary>For one guest.</summary>
    public Echo(LabGuest guest)
    {
        ArgumentNullException.ThrowIfNull(guest);
        _socket = guest.Lab.ClientSocket(SocketType.Raw, ProtocolType.Icmp);
        _socket.ReceiveTimeout = PatienceMs;
        _guest = new IPEndPoint(guest.Address, 0);
    }

    /// <summary>Asks once and waits for the answer.</summary>
    public TimeSpan Ask()
    {
        _request[0] = EchoRequest;
        BinaryPrimitives.WriteUInt16BigEndian(_request.AsSpan(4), (ushort)Environment.ProcessId);
        BinaryPrimitives.WriteUInt16BigEndian(_request.AsSpan(6), ++_sequence);
        BinaryPrimitives.WriteUInt16BigEndian(_request.AsSpan(2), 0);
        BinaryPrimitives.WriteUInt16BigEndian(_request.AsSpan(2), Checksum(_request));
        long asked = Stopwatch.GetTimestamp();
        _socket.SendTo(_request, _guest);
        while (!IsAnswer(_answer.AsSpan(0, _socket.Receive(_answer))))
        {
        }
        return Stopwatch.GetElapsedTime(asked);
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    // A raw socket gives every ICMP packet of the machine, its IP header first.
    private bool IsAnswer(ReadOnlySpan<byte> packet)
    {
        ReadOnlySpan<byte> icmp = packet[((packet[0] & 0xf) * 4)..];
        return icmp.Length >= HeaderBytes && icmp[0] == EchoReply && icmp[4..HeaderBytes].SequenceEqual(_request.AsSpan(4, 4));
    }

    private static ushort Checksum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        }
        sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~((sum & 0xffff) + (sum >> 16));
    }
}
