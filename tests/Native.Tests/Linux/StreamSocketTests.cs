// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Native.Linux;
using Xunit;

namespace Hikae.Native.Tests.LinuxTests;

public sealed class StreamSocketTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hikae-sockets-");
    private readonly Socket _here;
    private readonly Socket _there;

    public StreamSocketTests()
    {
        var address = new UnixDomainSocketEndPoint(Path.Combine(_folder.FullName, "s"));
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(address);
        listener.Listen();
        _here = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _here.Connect(address);
        _there = listener.Accept();
    }

    [Fact]
    public void Nothing_end_and_bytes_are_told_apart()
    {
        byte[] bytes = new byte[8];

        Assert.Null(StreamSocket.TryReceive(_there, bytes));
        Assert.Equal(3, StreamSocket.TrySend(_here, [1, 2, 3]));
        Assert.Equal(3, StreamSocket.TryReceive(_there, bytes));
        Assert.Equal([1, 2, 3], bytes[..3]);
        _here.Dispose();
        Assert.Equal(0, StreamSocket.TryReceive(_there, bytes));
    }

    [Fact]
    public void A_full_socket_takes_a_part_and_then_nothing()
    {
        byte[] bytes = new byte[16 * 1024 * 1024];

        int taken = StreamSocket.TrySend(_here, bytes);

        Assert.InRange(taken, 1, bytes.Length - 1);
        Assert.Equal(0, StreamSocket.TrySend(_here, bytes));
    }

    [Fact]
    public void What_the_peer_has_not_read_is_seen()
    {
        Assert.False(StreamSocket.HasUnread(_here));

        StreamSocket.TrySend(_here, [1, 2, 3]);
        StreamSocket.TryReceive(_there, new byte[2]);

        Assert.True(StreamSocket.HasUnread(_here));
        StreamSocket.TryReceive(_there, new byte[2]);
        Assert.False(StreamSocket.HasUnread(_here));
    }

    [Fact]
    public void A_dead_peer_is_an_exception_and_no_signal()
    {
        _there.Dispose();

        Assert.Throws<LinuxException>(() => StreamSocket.TrySend(_here, [1]));
    }

    public void Dispose()
    {
        _here.Dispose();
        _there.Dispose();
        _folder.Delete(recursive: true);
    }
}
