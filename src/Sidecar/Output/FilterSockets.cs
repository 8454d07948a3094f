// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Native.Linux;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Output;

/// <summary>Where QEMU meets us: a listening socket in the directory that libvirt made for this run of the guest, for as long as it takes to connect.</summary>
/// <remarks>
/// A socket with a name, not a passed descriptor: libvirt's AppArmor profile lets QEMU use files of this directory, but anonymous sockets only
/// with libvirt's own programs. Only root and QEMU's user can enter the directory; other guests run as the same user, so whoever
/// connects must be this guest's process.
/// </remarks>
internal sealed class FilterSockets : IDisposable
{
    // QEMU has connected when its monitor answers.
    private const int AcceptPatienceUs = 2_000_000;

    private readonly Socket _listener;
    private readonly int _qemuPid;

    /// <param name="directory">libvirt's directory of this run of the guest.</param>
    /// <param name="qemuPid">Who may connect.</param>
    public FilterSockets(string directory, int qemuPid)
    {
        _qemuPid = qemuPid;
        Path = System.IO.Path.Combine(directory, "hikae-net.sock");
        _listener = OwnedListener.Open(Path, FileOwner.Of(directory), backlog: 1);
    }

    public string Path { get; }

    /// <summary>The connection QEMU has just made.</summary>
    /// <exception cref="NotProtectableException">It has not, or somebody else did.</exception>
    public Socket Accept()
    {
        if (!_listener.Poll(AcceptPatienceUs, SelectMode.SelectRead))
        {
            throw new NotProtectableException($"QEMU did not connect to {Path}");
        }
        Socket socket = _listener.Accept();
        int pid = PeerCredentials.Get(socket).Pid;
        if (pid != _qemuPid)
        {
            socket.Dispose();
            throw new NotProtectableException($"process {pid} connected to {Path} in place of QEMU's {_qemuPid}");
        }
        return socket;
    }

    public void Dispose()
    {
        _listener.Dispose();
        File.Delete(Path);
    }
}
