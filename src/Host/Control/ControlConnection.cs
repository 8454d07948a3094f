// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Native.Linux;
using Hikae.Protocol.Control;

namespace Hikae.Host.Control;

/// <summary>One process connected to the control socket: whole messages in, whole messages out.</summary>
/// <remarks>
/// Reading is for one task; sending is for any. A peer that does not take what it is sent is cut off after
/// <see cref="SendLimit"/>, so nobody waits for it longer.
/// Invariant: memory for what arrives grows only with bytes that did arrive.
/// </remarks>
internal sealed class ControlConnection : IDisposable
{
    public static readonly TimeSpan SendLimit = TimeSpan.FromSeconds(5);

    private const int FirstBufferBytes = 4096;

    // set once
    private readonly Socket _socket;
    private readonly SemaphoreSlim _sending = new(1, 1);

    // reading task only
    private byte[] _buffer = new byte[FirstBufferBytes];
    private int _buffered;

    public ControlConnection(Socket socket)
    {
        _socket = socket;
        _socket.SendTimeout = (int)SendLimit.TotalMilliseconds;
    }

    /// <summary>The next message; null when the peer has closed its end.</summary>
    /// <exception cref="ControlProtocolException">The peer sent nonsense, or ended inside a message.</exception>
    public async Task<ControlMessage?> ReadAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (ControlFrame.TryRead(_buffer.AsSpan(0, _buffered), out ControlMessage message, out int consumed, ControlLimits.MaxRequestBytes))
            {
                _buffer.AsSpan(consumed, _buffered - consumed).CopyTo(_buffer);
                _buffered -= consumed;
                return message;
            }
            if (_buffered == _buffer.Length)
            {
                Array.Resize(ref _buffer, Math.Min(_buffer.Length * 2, ControlLimits.PrefixBytes + ControlLimits.MaxRequestBytes));
            }
            int received = await _socket.ReceiveAsync(_buffer.AsMemory(_buffered), cancellationToken).ConfigureAwait(false);
            if (received == 0)
            {
                return _buffered == 0 ? null : throw new ControlProtocolException($"The connection ended {_buffered} bytes into a message.");
            }
            _buffered += received;
        }
    }

    /// <summary>False: the peer is gone, or did not take the message in time and is cut off.</summary>
    public Task<bool> SendAsync(ControlMessage message) => SendLockedAsync(async token =>
    {
        ReadOnlyMemory<byte> rest = ControlFrame.Write(message);
        while (!rest.IsEmpty)
        {
            rest = rest[await _socket.SendAsync(rest, token).ConfigureAwait(false)..];
        }
    });

    /// <summary>Sends a message with a duplicate of the socket, which stays the caller's. False as in <see cref="SendAsync"/>.</summary>
    public Task<bool> SendAsync(ControlMessage message, Socket socket) => SendLockedAsync(
        token => Task.Run(() => DescriptorPassing.Send(_socket, ControlFrame.Write(message), socket.SafeHandle), token));

    public void Dispose() => _socket.Dispose();

    private async Task<bool> SendLockedAsync(Func<CancellationToken, Task> send)
    {
        using var limit = new CancellationTokenSource(SendLimit);
        bool entered = false;
        try
        {
            await _sending.WaitAsync(limit.Token).ConfigureAwait(false);
            entered = true;
            await send(limit.Token).ConfigureAwait(false);
            return true;
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException or OperationCanceledException or LinuxException)
        {
            // Half a message may be out: nothing that follows could be understood.
            _socket.Dispose();
            return false;
        }
        finally
        {
            if (entered)
            {
                _sending.Release();
            }
        }
    }
}
