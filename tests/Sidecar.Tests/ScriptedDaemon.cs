// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Native.Linux;
using Hikae.Protocol.Control;
using Control = Hikae.Protocol.Control;

namespace Hikae.Sidecar.Tests;

/// <summary>The control socket of hikaed, with the daemon's side in the test's hands.</summary>
internal sealed class ScriptedDaemon : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly byte[] _buffer = new byte[1 << 20];
    private Socket? _sidecar;
    private int _filled;

    public ScriptedDaemon(string path)
    {
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen(4);
    }

    private ScriptedDaemon(Socket accepted) => _sidecar = accepted;

    public void Accept() => _sidecar = _listener.Accept();

    /// <summary>A further connection, on which the sidecar asks something.</summary>
    public ScriptedDaemon AcceptQuestion() => new(_listener.Accept());

    public void Send(ControlMessage message) => _sidecar!.Send(ControlFrame.Write(message));

    /// <summary>Hands a connection over, as after its preamble.</summary>
    public void Offer(Socket link)
    {
        DescriptorPassing.Send(_sidecar!, ControlFrame.Write(new Control.Link()), link.SafeHandle);
        link.Dispose();
    }

    /// <summary>The next message of a kind; what comes before it is passed over.</summary>
    public T Receive<T>()
        where T : ControlMessage
    {
        while (true)
        {
            while (ControlFrame.TryRead(_buffer.AsSpan(0, _filled), out ControlMessage message, out int consumed))
            {
                _buffer.AsSpan(consumed, _filled - consumed).CopyTo(_buffer);
                _filled -= consumed;
                if (message is T wanted)
                {
                    return wanted;
                }
            }
            int read = _sidecar!.Receive(_buffer.AsSpan(_filled));
            _filled += read > 0 ? read : throw new EndOfStreamException("the sidecar is gone");
        }
    }

    public void Dispose()
    {
        _sidecar?.Dispose();
        _listener.Dispose();
    }
}
