// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;

namespace Hikae.Sidecar.Tests.Classify;

/// <summary>The unix socket that QEMU would listen on, with the guest's side in the test's hands.</summary>
internal sealed class AgentSocket : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hikae-agent-").FullName;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    internal AgentSocket()
    {
        _listener.Bind(new UnixDomainSocketEndPoint(Path));
        _listener.Listen(1);
    }

    internal string Path => System.IO.Path.Combine(_folder, "org.hikae.guest.0");

    internal Socket Accept() => _listener.Accept();

    public void Dispose()
    {
        _listener.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
