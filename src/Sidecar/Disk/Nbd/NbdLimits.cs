// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Nbd;

/// <summary>What one client may cost, checked before memory is taken.</summary>
internal static class NbdLimits
{
    /// <summary>Data of one READ or WRITE; what QEMU and nbdkit take.</summary>
    public const int MaxPayloadBytes = 32 << 20;

    /// <summary>A WRITE refused for its length: up to here its data is read and thrown away, so that the client gets its error.</summary>
    public const uint MaxSkippedBytes = 64 << 20;

    /// <summary>Data of one option: a name of 4096 bytes and a few queries.</summary>
    public const int MaxOptionBytes = 16 << 10;

    /// <summary>Options of one client: no client needs a dozen.</summary>
    public const int MaxOptions = 64;

    /// <summary>What the protocol allows for a string.</summary>
    public const int MaxNameBytes = 4096;

    /// <summary>What is received at once; a unix socket holds no more.</summary>
    public const int ReceiveBytes = 256 << 10;

    /// <summary>A buffer grown for one large request is kept up to this size.</summary>
    public const int KeptBytes = 4 << 20;

    /// <summary>Threads that wait for the image, for each client.</summary>
    public const int MaxWaitingThreads = 8;

    /// <summary>Requests that wait for such a thread; past it the client's other requests wait, too.</summary>
    public const int MaxWaiting = 64;

    /// <summary>Data of WRITEs that wait.</summary>
    public const long MaxWaitingBytes = 64 << 20;

    /// <summary>Descriptors in one answer to BLOCK_STATUS.</summary>
    public const int MaxExtents = 1024;

    /// <summary>Clients of one disk. QEMU is one, nbdcopy opens four.</summary>
    public const int MaxConnections = 64;

    /// <summary>A client has this long for each message of its handshake.</summary>
    public static readonly TimeSpan HandshakePatience = TimeSpan.FromSeconds(10);
}
