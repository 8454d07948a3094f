// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk;

//   PassThrough ──Hold──▶ Holding ──PassThrough()──▶ Draining ──buffer empty──▶ PassThrough
/// <summary>Where a guest's writes go.</summary>
internal enum DiskMode
{
    /// <summary>Straight to the image; a guest FLUSH is a real flush.</summary>
    PassThrough,

    /// <summary>Into the open epoch of the buffer; FLUSH is acknowledged at once.</summary>
    Holding,

    /// <summary>Into the buffer, which is being written to the image whole; FLUSH waits until what came before it is durable.</summary>
    Draining,
}
