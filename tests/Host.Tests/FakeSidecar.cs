// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using System.Threading.Channels;
using Hikae.Native.Linux;
using Hikae.Protocol.Control;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Host.Tests;

/// <summary>The other end of the control socket: a sidecar, or a command, as far as hikaed can see.</summary>
internal sealed class FakeSidecar : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Channel<ControlMessage> _messages = Channel.CreateUnbounded<ControlMessage>();
    private readonly Channel<Socket> _links = Channel.CreateUnbounded<Socket>();

    public FakeSidecar(string controlSocket)
    {
        _socket.Connect(new UnixDomainSocketEndPoint(controlSocket));
        new Thread(Receive) { IsBackground = true, Name = "fake sidecar" }.Start();
    }

    public static FakeSidecar Register(string controlSocket, Guid uuid, GuestRole role, string guest = "mail", int? pid = null)
    {
        var sidecar = new FakeSidecar(controlSocket);
        sidecar.Send(new Register(uuid, guest, role, pid ?? Environment.ProcessId));
        return sidecar;
    }

    public static GuestStatus StatusOf(Guid uuid, GuestRole role, GuestState state, string guest = "mail", string? peer = "other") => new()
    {
        Guest = guest,
        Uuid = uuid,
        Role = role,
        State = state,
        Peer = peer,
        Host = "here",
        UpdatedAt = DateTimeOffset.UnixEpoch,
    };

    public void Send(ControlMessage message) => SendRaw(ControlFrame.Write(message));

    public void SendRaw(ReadOnlySpan<byte> bytes) => _socket.Send(bytes);

    public Task<ControlMessage> NextAsync() => Eventually.WithinAsync(_messages.Reader.ReadAsync().AsTask());

    public Task<Socket> NextLinkAsync() => Eventually.WithinAsync(_links.Reader.ReadAsync().AsTask());

    /// <summary>Completes when hikaed has closed the connection.</summary>
    public Task ClosedAsync() => Eventually.WithinAsync(WaitForEndAsync());

    public async Task<IReadOnlyList<GuestStatus>> QueryAsync()
    {
        Send(new Query());
        var all = new List<GuestStatus>();
        Statuses page;
        do
        {
            page = (Statuses)await NextAsync();
            all.AddRange(page.Guests);
        }
        while (page.More);
        return all;
    }

    public void Dispose() => _socket.Dispose();

    private async Task<bool> WaitForEndAsync()
    {
        while (await _messages.Reader.WaitToReadAsync())
        {
            _messages.Reader.TryRead(out _);
        }
        return true;
    }

    private void Receive()
    {
        byte[] buffer = new byte[ControlLimits.MaxFrameBytes + 4];
        int buffered = 0;
        try
        {
            while (true)
            {
                int received = DescriptorPassing.Receive(_socket, buffer.AsSpan(buffered), out SafeFileHandle? descriptor);
                if (descriptor is not null)
                {
                    _links.Writer.TryWrite(DescriptorPassing.ToSocket(descriptor));
                }
                if (received == 0)
                {
                    break;
                }
                buffered += received;
                while (ControlFrame.TryRead(buffer.AsSpan(0, buffered), out ControlMessage message, out int consumed))
                {
                    _messages.Writer.TryWrite(message);
                    buffer.AsSpan(consumed, buffered - consumed).CopyTo(buffer);
                    buffered -= consumed;
                }
            }
        }
        catch (Exception error) when (error is SocketException or LinuxException or ObjectDisposedException)
        {
            // Reset or disposed: the end, too.
        }
        _messages.Writer.TryComplete();
    }
}
