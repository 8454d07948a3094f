// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Protocol.Control;

namespace Hikae.Tools.Daemon;

/// <summary>One conversation with hikaed.</summary>
internal sealed class ControlClient : IDisposable
{
    /// <summary>hikaed answers a query from memory.</summary>
    private static readonly TimeSpan QueryPatience = TimeSpan.FromSeconds(10);

    /// <summary>A planned failover ships a last checkpoint first.</summary>
    private static readonly TimeSpan FailoverPatience = TimeSpan.FromMinutes(2);

    private readonly Socket _socket;
    private readonly string _path;
    private byte[] _buffer = new byte[16 * 1024];
    private int _length;

    private ControlClient(Socket socket, string path) => (_socket, _path) = (socket, path);

    /// <exception cref="DaemonUnreachableException">Says what to do.</exception>
    internal static ControlClient Connect(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return new ControlClient(socket, path);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw new DaemonUnreachableException(e.SocketErrorCode == SocketError.AccessDenied
                ? $"only root may ask hikaed ({path}: permission denied); use sudo"
                : $"hikaed is not running on this host (no answer at {path}); start it with: systemctl start hikaed");
        }
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>All statuses of this host.</summary>
    internal IReadOnlyList<GuestStatus> Query()
    {
        Send(new Query(), QueryPatience);
        List<GuestStatus> all = [];
        Statuses part;
        do
        {
            part = Receive<Statuses>();
            all.AddRange(part.Guests);
        }
        while (part.More);
        return all;
    }

    /// <summary>Asks for a planned failover and waits for its outcome.</summary>
    internal Result Failover(string guest)
    {
        Send(new FailoverGuest(guest), FailoverPatience);
        return Receive<Result>();
    }

    private void Send(ControlMessage message, TimeSpan patience)
    {
        _socket.ReceiveTimeout = _socket.SendTimeout = (int)patience.TotalMilliseconds;
        try
        {
            _socket.Send(ControlFrame.Write(message));
        }
        catch (SocketException e)
        {
            throw Broken(e);
        }
    }

    private TMessage Receive<TMessage>()
        where TMessage : ControlMessage
    {
        ControlMessage message;
        int consumed;
        while (!ControlFrame.TryRead(_buffer.AsSpan(0, _length), out message, out consumed))
        {
            if (_length == _buffer.Length)
            {
                Array.Resize(ref _buffer, 2 * _buffer.Length); // TryRead throws before this passes twice the frame limit
            }

            _length += ReceiveSome();
        }

        _buffer.AsSpan(consumed, _length - consumed).CopyTo(_buffer);
        _length -= consumed;
        return message switch
        {
            TMessage expected => expected,
            Result { Ok: false } refusal => throw new IOException($"hikaed refused: {Display.Printable.Line(refusal.Message)}"),
            _ => throw new ControlProtocolException($"hikaed answered with {message.GetType().Name}, not {typeof(TMessage).Name}: are both of the same version?"),
        };
    }

    private int ReceiveSome()
    {
        try
        {
            int received = _socket.Receive(_buffer, _length, _buffer.Length - _length, SocketFlags.None);
            return received > 0 ? received : throw new IOException("hikaed closed the connection without an answer; see journalctl -u hikaed");
        }
        catch (SocketException e)
        {
            throw Broken(e);
        }
    }

    private IOException Broken(SocketException e) => e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock
        ? new IOException($"hikaed did not answer within {_socket.ReceiveTimeout / 1000} s", e)
        : new IOException($"the connection to hikaed ({_path}) broke: {e.Message}", e);
}
