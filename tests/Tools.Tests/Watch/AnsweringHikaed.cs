// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Protocol.Control;

namespace Hikae.Tools.Tests.Watch;

/// <summary>Stands on a control socket and answers every question with the guests it has now, until it is killed.</summary>
internal sealed class AnsweringHikaed : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _path;
    private int _answered;

    internal AnsweringHikaed(string path, params GuestStatus[] guests)
    {
        (_path, Guests) = (path, guests);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen();
        new Thread(Serve) { IsBackground = true, Name = "hikaed" }.Start();
    }

    internal IReadOnlyList<GuestStatus> Guests { get; set; }

    /// <summary>Questions answered.</summary>
    internal int Answered => Volatile.Read(ref _answered);

    public void Dispose()
    {
        _listener.Dispose();
        File.Delete(_path);
    }

    private void Serve()
    {
        byte[] buffer = new byte[ControlLimits.MaxRequestBytes];
        try
        {
            while (true)
            {
                using Socket connection = _listener.Accept();
                int length = 0;
                while (!ControlFrame.TryRead(buffer.AsSpan(0, length), out _, out _))
                {
                    length += connection.Receive(buffer, length, buffer.Length - length, SocketFlags.None);
                }

                connection.Send(ControlFrame.Write(new Statuses(Guests)));
                Interlocked.Increment(ref _answered);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Killed.
        }
    }
}
