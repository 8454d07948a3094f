// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Native.Linux;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Hikae.Native.Tests.LinuxTests;

public sealed class DescriptorPassingTests : IDisposable
{
    private readonly Socket _ours;
    private readonly Socket _theirs;

    public DescriptorPassingTests()
    {
        string path = Path.Combine(Path.GetTempPath(), $"hikae-{Guid.NewGuid():N}.sock");
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        _ours = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        _ours.Connect(new UnixDomainSocketEndPoint(path));
        _theirs = listener.Accept();
        _theirs.ReceiveTimeout = 10_000;
        File.Delete(path);
    }

    public void Dispose()
    {
        _ours.Dispose();
        _theirs.Dispose();
    }

    [Fact]
    public void A_descriptor_arrives_with_its_bytes_and_means_the_same_file()
    {
        using MemoryFile file = MemoryFile.Create("passed");
        RandomAccess.Write(file.Handle, "content"u8, 0);

        DescriptorPassing.Send(_ours, "link"u8, file.Handle);
        byte[] buffer = new byte[100];
        int received = DescriptorPassing.Receive(_theirs, buffer, out SafeFileHandle? descriptor);

        Assert.Equal("link"u8, buffer.AsSpan(0, received));
        Assert.NotNull(descriptor);
        using (descriptor)
        {
            Assert.Equal(7, RandomAccess.Read(descriptor, buffer, 0));
            Assert.Equal("content"u8, buffer.AsSpan(0, 7));
            Assert.Contains("flags:\t02", File.ReadAllText($"/proc/self/fdinfo/{descriptor.DangerousGetHandle()}"), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Bytes_without_a_descriptor_and_the_end_are_received_like_any()
    {
        _ours.Send("plain"u8);
        _ours.Shutdown(SocketShutdown.Send);
        byte[] buffer = new byte[100];

        Assert.Equal(5, DescriptorPassing.Receive(_theirs, buffer, out SafeFileHandle? none));
        Assert.Equal(0, DescriptorPassing.Receive(_theirs, buffer, out SafeFileHandle? noneAtEnd));
        Assert.Null(none);
        Assert.Null(noneAtEnd);
    }

    [Fact]
    public void A_descriptor_among_frames_comes_with_the_first_byte_of_its_own()
    {
        using MemoryFile file = MemoryFile.Create("passed");
        _ours.Send("before"u8);
        DescriptorPassing.Send(_ours, "with"u8, file.Handle);
        _ours.Send("after"u8);
        byte[] buffer = new byte[6];

        Assert.Equal(6, _theirs.Receive(buffer));
        Assert.Equal(1, DescriptorPassing.Receive(_theirs, buffer.AsSpan(0, 1), out SafeFileHandle? descriptor));
        Assert.NotNull(descriptor);
        descriptor.Dispose();
        Assert.Equal(3, DescriptorPassing.Receive(_theirs, buffer.AsSpan(0, 3), out SafeFileHandle? second));
        Assert.Null(second);
        Assert.Equal(5, DescriptorPassing.Receive(_theirs, buffer, out _));
    }

    [Fact]
    public async Task Receive_waits_also_on_a_socket_that_the_runtime_made_non_blocking()
    {
        using MemoryFile file = MemoryFile.Create("passed");
        byte[] buffer = new byte[100];
        ValueTask<int> first = _theirs.ReceiveAsync(buffer.AsMemory(), TestContext.Current.CancellationToken);
        _ours.Send("1"u8);
        await first;

        Task<(int, SafeFileHandle?)> waiting = Task.Run(() => (DescriptorPassing.Receive(_theirs, buffer, out SafeFileHandle? taken), taken));
        DescriptorPassing.Send(_ours, "22"u8, file.Handle);
        (int received, SafeFileHandle? descriptor) = await waiting;

        Assert.Equal(2, received);
        Assert.NotNull(descriptor);
        descriptor.Dispose();
    }

    [Fact]
    public void A_receive_timeout_of_the_socket_holds()
    {
        _theirs.ReceiveTimeout = 50;

        SocketException e = Assert.Throws<SocketException>(() => DescriptorPassing.Receive(_theirs, new byte[1], out _));

        Assert.Equal(SocketError.TimedOut, e.SocketErrorCode);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(100)]
    public void More_than_one_descriptor_is_refused_and_all_are_closed(int count)
    {
        using MemoryFile file = MemoryFile.Create($"refused-{count}");
        SendMany(file.Handle, count);

        Assert.Throws<InvalidDataException>(() => DescriptorPassing.Receive(_theirs, new byte[100], out _));

        Assert.Single(Directory.GetFiles("/proc/self/fd").Select(Link), link => link?.Contains($"refused-{count}", StringComparison.Ordinal) == true);
    }

    [Fact]
    public void A_passed_socket_talks()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        client.Connect((System.Net.IPEndPoint)listener.LocalEndpoint);
        using (Socket accepted = listener.AcceptSocket())
        {
            DescriptorPassing.Send(_ours, "s"u8, accepted.SafeHandle);
        }

        DescriptorPassing.Receive(_theirs, new byte[1], out SafeFileHandle? descriptor);
        using Socket passed = DescriptorPassing.ToSocket(descriptor!);
        passed.Send("hello"u8);

        byte[] buffer = new byte[5];
        client.GetStream().ReadExactly(buffer);
        Assert.Equal("hello"u8, buffer);
        Assert.True(descriptor!.IsClosed);
        Assert.Equal(((System.Net.IPEndPoint)client.Client.LocalEndPoint!).Port, ((System.Net.IPEndPoint)passed.RemoteEndPoint!).Port);
    }

    [Fact]
    public async Task A_socket_the_sender_used_asynchronously_blocks_here()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        using var client = new TcpClient();
        await client.ConnectAsync((System.Net.IPEndPoint)listener.LocalEndpoint, TestContext.Current.CancellationToken);
        using (Socket accepted = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken))
        {
            Task<int> preamble = accepted.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken).AsTask();
            client.Client.Send("p"u8);
            Assert.Equal(1, await preamble);
            DescriptorPassing.Send(_ours, "s"u8, accepted.SafeHandle);
        }

        DescriptorPassing.Receive(_theirs, new byte[1], out SafeFileHandle? descriptor);
        using Socket passed = DescriptorPassing.ToSocket(descriptor!);
        passed.ReceiveTimeout = 50;

        SocketException silence = Assert.Throws<SocketException>(() => passed.Receive(new byte[1]));
        Assert.Equal(SocketError.TimedOut, silence.SocketErrorCode);
    }

    [Fact]
    public void A_passed_file_is_not_a_socket_and_is_closed()
    {
        MemoryFile file = MemoryFile.Create("no-socket");

        Assert.Throws<SocketException>(() => DescriptorPassing.ToSocket(file.Handle));

        Assert.DoesNotContain(
            Directory.GetFiles("/proc/self/fd").Select(Link), link => link?.Contains("no-socket", StringComparison.Ordinal) == true);
    }

    [Fact]
    public void The_peer_of_a_socket_is_known()
    {
        (int pid, uint uid, _) = PeerCredentials.Get(_theirs);

        Assert.Equal(Environment.ProcessId, pid);
        Assert.Equal(Mono.Unix.Native.Syscall.geteuid(), uid);
    }

    // A descriptor may be closed between listing and asking.
    private static string? Link(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (IOException)
        {
            return null;
        }
    }

    private unsafe void SendMany(SafeFileHandle handle, int count)
    {
        byte data = 1;
        byte[] control = new byte[Syscall.CMSG_SPACE(count * sizeof(int))];
        fixed (byte* start = control)
        {
            *(Syscall.cmsghdr*)start = new Syscall.cmsghdr
            {
                cmsg_len = (nuint)Syscall.CMSG_LEN(count * sizeof(int)),
                cmsg_level = Syscall.SOL_SOCKET,
                cmsg_type = Syscall.SCM_RIGHTS,
            };
            new Span<int>(start + Syscall.CMSG_LEN(0), count).Fill((int)handle.DangerousGetHandle());
            var vector = new Syscall.iovec { iov_base = &data, iov_len = 1 };
            var message = new Syscall.msghdr { msg_iov = &vector, msg_iovlen = 1, msg_control = start, msg_controllen = (nuint)control.Length };
            Assert.Equal(1, Syscall.sendmsg(_ours.SafeHandle, &message, 0));
        }
    }
}
