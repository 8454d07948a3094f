// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Sidecar.Output;

namespace Hikae.Sidecar.Tests.Output;

/// <summary>A held interface on real sockets, and the ends that are QEMU's.</summary>
internal sealed class InterfaceUnderTest : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hikae-output-");
    private readonly List<byte> _unread = [];
    private int _pairs;

    public InterfaceUnderTest(long maxBytes = 64 * 1024 * 1024)
    {
        (Guest, Socket fromGuest) = Pair();
        (Network, Socket toNetwork) = Pair();
        Network.ReceiveTimeout = 60_000;
        Guest.SendTimeout = 60_000;
        Held = new HeldInterface(new GuestInterface("net0", "vnet0"), fromGuest, toNetwork, maxBytes, () => Waiting.Set());
    }

    public HeldInterface Held { get; }

    /// <summary>QEMU's filter writes here; it waits while nobody reads, as QEMU's does.</summary>
    public Socket Guest { get; }

    /// <summary>What the filter passes on comes out here.</summary>
    public Socket Network { get; }

    /// <summary>Set when a packet waits for a checkpoint.</summary>
    public ManualResetEventSlim Waiting { get; } = new();

    /// <summary>Waits for the next packets on the network.</summary>
    public IReadOnlyList<int> Leaving(int count)
    {
        var numbers = new List<int>();
        byte[] buffer = new byte[65536];
        while (true)
        {
            (IReadOnlyList<int> whole, int bytes) = Packets.Read(_unread.ToArray());
            numbers.AddRange(whole);
            _unread.RemoveRange(0, bytes);
            if (numbers.Count >= count)
            {
                return numbers;
            }
            int read = Network.Receive(buffer);
            _unread.AddRange(buffer.AsSpan(0, read));
        }
    }

    public void Dispose()
    {
        Held.Dispose();
        Guest.Dispose();
        Network.Dispose();
        Waiting.Dispose();
        _folder.Delete(recursive: true);
    }

    private (Socket Here, Socket There) Pair()
    {
        var address = new UnixDomainSocketEndPoint(Path.Combine(_folder.FullName, $"{_pairs++}"));
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(address);
        listener.Listen();
        var here = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        here.Connect(address);
        return (here, listener.Accept());
    }
}
