// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Hikae.Harness.Labs;

namespace Hikae.Harness.Clients;

/// <summary>A client on the LAN with one TCP connection to a guest's counter, which numbers the requests it has answered.</summary>
public sealed class CounterClient : IDisposable
{
    private const int Port = 7000;
    private const int PatienceMs = 90_000;

    private static readonly byte[] Question = "?\n"u8.ToArray();

    private readonly StreamReader _reader;
    private readonly Socket _socket;

    private CounterClient(Socket socket)
    {
        _socket = socket;
        _reader = new StreamReader(new NetworkStream(socket), Encoding.ASCII);
    }

    /// <summary>Connects; throws when the guest does not answer.</summary>
    public static CounterClient Connect(LabGuest guest)
    {
        ArgumentNullException.ThrowIfNull(guest);
        Socket socket = guest.Lab.ClientSocket();
        socket.NoDelay = true;
        socket.ReceiveTimeout = PatienceMs;
        socket.Connect(new IPEndPoint(guest.Address, Port));
        return new CounterClient(socket);
    }

    /// <summary>Asks once. Gives the number of requests that the guest says it has answered, and the time it took.</summary>
    public (long Requests, TimeSpan Took) Ask()
    {
        long asked = Stopwatch.GetTimestamp();
        _socket.Send(Question);
        string line = _reader.ReadLine() ?? throw new IOException("The guest closed the connection.");
        return (long.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture), Stopwatch.GetElapsedTime(asked));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _reader.Dispose();
        _socket.Dispose();
    }
}
