// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Nbd;

/// <summary>How far a write got without waiting.</summary>
internal enum WriteStep
{
    /// <summary>Acknowledge it.</summary>
    Done,

    /// <summary>Nothing was written: there is no room, or the image must not be written now.</summary>
    NotBegun,

    /// <summary>It is in the buffer, beyond the bound: acknowledge it later, so that the client slows down.</summary>
    AwaitRoom,

    /// <summary>It is written, but must be durable before it is acknowledged.</summary>
    AwaitFlush,
}
