// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Protocol.Control;

namespace Hikae.Tools.Tests;

/// <summary>Stands on a control socket, takes one connection, reads one request, sends the answers it was given and closes.</summary>
internal sealed class HikaedWithAnswers : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Task<ControlMessage> _served;

    internal HikaedWithAnswers(string path, params byte[][] answers)
    {
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen();
        _served = Task.Run(() => Serve(answers));
    }

    internal HikaedWithAnswers(string path, params ControlMessage[] answers)
        : this(path, [.. answers.Select(ControlFrame.Write)])
    {
    }

    /// <summary>What was asked.</summary>
    internal Task<ControlMessage> RequestAsync() => _served;

    public void Dispose() => _listener.Dispose();

    private ControlMessage Serve(byte[][] answers)
    {
        using Socket connection = _listener.Accept();
        byte[] buffer = new byte[ControlLimits.MaxRequestBytes];
        int length = 0;
        ControlMessage request;
        while (!ControlFrame.TryRead(buffer.AsSpan(0, length), out request, out _))
        {
            length += connection.Receive(buffer, length, buffer.Length - length, SocketFlags.None);
        }

        foreach (byte[] answer in answers)
        {
            connection.Send(answer);
        }

        return request;
    }
}
