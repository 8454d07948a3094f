// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Native.Linux;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;
using Control = Hikae.Protocol.Control;

namespace Hikae.Sidecar;

/// <summary>This sidecar's connection to the host's daemon: it registers, reports its status, and is handed links and wishes.</summary>
/// <remarks>
/// The daemon may be absent or restart at any time: nothing here waits for it. Handlers are called on this object's own thread and
/// must not block it for long.
/// </remarks>
internal sealed class DaemonClient : IDisposable
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(500);

    // set once
    private readonly string _path;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();

    // guarded by _gate
    private Register _register;
    private GuestStatus? _status;
    private Socket? _socket;

    public DaemonClient(string path, Register register, ILogger logger)
    {
        _path = path;
        _register = register;
        _logger = logger;
    }

    /// <summary>The daemon hands over a connection whose preamble it has read. The handler owns the socket.</summary>
    public event Action<Socket>? LinkOffered;

    /// <summary>An administrator asks for a failover. The handler answers with <see cref="Answer"/>.</summary>
    public event Action? FailoverAsked;

    /// <summary>The daemon has cut a host's power, or could not: the answer to <see cref="Fence"/>.</summary>
    public event Action<Result>? FenceAnswered;

    /// <summary>The guest's annotation or devices changed.</summary>
    public event Action? RefreshAsked;

    public void Start() => new Thread(Run) { IsBackground = true, Name = "daemon" }.Start();

    /// <summary>Reports a status now, and again whenever the daemon asks anew by restarting. Never throws for the daemon's sake.</summary>
    public void Publish(GuestStatus status)
    {
        lock (_gate)
        {
            _status = status;
            Send(new Status(status));
        }
    }

    /// <summary>Answers a failover that the daemon asked for.</summary>
    public void Answer(bool ok, string message)
    {
        lock (_gate)
        {
            Send(new Result(ok, message));
        }
    }

    /// <summary>Asks the daemon to cut a host's power. No answer may ever come.</summary>
    public void Fence(string host)
    {
        lock (_gate)
        {
            Send(new FenceHost(host));
        }
    }

    /// <summary>From now on this sidecar serves the guest in another role: a backup that became the primary.</summary>
    public void ChangeRole(GuestRole role)
    {
        lock (_gate)
        {
            _register = _register with { Role = role };
            // The daemon learns a role from a registration only.
            _socket?.Dispose();
        }
    }

    /// <summary>Says that this process ends by intent.</summary>
    public void SayGoodbye()
    {
        lock (_gate)
        {
            Send(new Goodbye());
        }
    }

    public void Dispose()
    {
        _stop.Cancel();
        lock (_gate)
        {
            _socket?.Dispose();
        }
    }

    private void Run()
    {
        bool reported = false;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using Socket socket = Connect();
                reported = false;
                Serve(socket);
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException or IOException or LinuxException or ControlProtocolException)
            {
                if (!reported && !_stop.IsCancellationRequested)
                {
                    _logger.DaemonUnreachable(_path, error.Message);
                    reported = true;
                }
            }
            catch (Exception error)
            {
                // A handler's failure, or two descriptors where one is allowed: this thread is the only way to reach the sidecar.
                _logger.Unexpected(error.Message, error);
            }
            lock (_gate)
            {
                _socket = null;
            }
            _stop.Token.WaitHandle.WaitOne(RetryInterval);
        }
    }

    private Socket Connect()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(_path));
            // A daemon that hangs fills the socket some minutes later; then it counts as gone. Statuses come from threads that must not wait.
            socket.Blocking = false;
            lock (_gate)
            {
                _socket = socket;
                Send(_register);
                if (_status is not null)
                {
                    Send(new Status(_status));
                }
            }
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private void Serve(Socket socket)
    {
        byte[] buffer = new byte[ControlLimits.MaxRequestBytes + ControlLimits.PrefixBytes];
        int filled = 0;
        SafeFileHandle? descriptor = null;
        try
        {
            while (true)
            {
                int read = DescriptorPassing.Receive(socket, buffer.AsSpan(filled), out SafeFileHandle? received);
                if (received is not null)
                {
                    descriptor?.Dispose();
                    descriptor = received;
                }
                if (read == 0)
                {
                    return;
                }
                filled += read;
                int at = 0;
                while (ControlFrame.TryRead(buffer.AsSpan(at, filled - at), out ControlMessage message, out int consumed, ControlLimits.MaxRequestBytes))
                {
                    at += consumed;
                    Handle(message, ref descriptor);
                }
                buffer.AsSpan(at, filled - at).CopyTo(buffer);
                filled -= at;
            }
        }
        finally
        {
            descriptor?.Dispose();
        }
    }

    private void Handle(ControlMessage message, ref SafeFileHandle? descriptor)
    {
        switch (message)
        {
            case Control.Link when descriptor is not null:
                Socket link = DescriptorPassing.ToSocket(descriptor);
                descriptor = null;
                if (LinkOffered is { } offered)
                {
                    offered(link);
                }
                else
                {
                    link.Dispose();
                }
                break;
            case Failover:
                FailoverAsked?.Invoke();
                break;
            case Result result:
                FenceAnswered?.Invoke(result);
                break;
            case Refresh:
                RefreshAsked?.Invoke();
                break;
            default:
                // A message of a later version is none of this sidecar's business.
                break;
        }
    }

    /// <summary>Under _gate. A failed send only means that the daemon is gone: the reading side notices and connects again.</summary>
    private void Send(ControlMessage message)
    {
        try
        {
            byte[] frame = ControlFrame.Write(message);
            for (int sent = 0; _socket is not null && sent < frame.Length;)
            {
                sent += _socket.Send(frame.AsSpan(sent));
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            _socket?.Dispose();
            _socket = null;
        }
    }
}
