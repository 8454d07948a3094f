// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Output;

/// <summary>What becomes of a packet that the guest sends.</summary>
internal enum PacketMode
{
    /// <summary>It leaves at once: the guest is not protected.</summary>
    PassThrough = 1,

    /// <summary>It waits for the commit of its epoch.</summary>
    Holding,

    /// <summary>It never leaves: another host may run the guest.</summary>
    Dropping,
}
