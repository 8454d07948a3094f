// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Native.Linux;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Sidecar.Disk;

/// <summary>Where QEMU reaches its disks: sockets that the daemon keeps open beyond this process, or, while there is no daemon, of this process.</summary>
internal sealed class DiskSockets(string controlSocket, Guid guest, ILogger logger)
{
    private const int Backlog = 16;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>A listening socket, which is the caller's.</summary>
    /// <param name="path">In the folder that libvirt made for this domain.</param>
    /// <param name="qemu">User and group of the guest's QEMU.</param>
    /// <exception cref="IOException">There can be no such socket.</exception>
    public Socket Listen(string path, FileOwner qemu)
    {
        try
        {
            return Ask(new Listen(guest, path, qemu.User, qemu.Group));
        }
        catch (Exception error) when (error is SocketException or IOException or LinuxException or ControlProtocolException or InvalidDataException)
        {
            // QEMU then waits some seconds longer for a sidecar that comes after a killed one.
            logger.DiskSocketOfOurOwn(path, error.Message);
            return OwnedListener.Open(path, qemu, Backlog);
        }
    }

    private Socket Ask(Listen wanted)
    {
        using var control = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            ReceiveTimeout = (int)Patience.TotalMilliseconds,
            SendTimeout = (int)Patience.TotalMilliseconds,
        };
        control.Connect(new UnixDomainSocketEndPoint(controlSocket));
        control.Send(ControlFrame.Write(wanted));
        byte[] buffer = new byte[ControlLimits.PrefixBytes + ControlLimits.MaxRequestBytes];
        int filled = 0;
        SafeFileHandle? descriptor = null;
        try
        {
            while (true)
            {
                int read = DescriptorPassing.Receive(control, buffer.AsSpan(filled), out SafeFileHandle? received);
                descriptor ??= received;
                if (read == 0)
                {
                    throw new IOException("the daemon closed the connection");
                }
                filled += read;
                if (!ControlFrame.TryRead(buffer.AsSpan(0, filled), out ControlMessage message, out _, ControlLimits.MaxRequestBytes))
                {
                    continue;
                }
                if (message is Listening && descriptor is not null)
                {
                    Socket socket = DescriptorPassing.ToSocket(descriptor);
                    descriptor = null;
                    return socket;
                }
                throw new IOException(message is Result { Message: var reason } ? reason : $"the daemon answered {message.GetType().Name}");
            }
        }
        finally
        {
            descriptor?.Dispose();
        }
    }
}
