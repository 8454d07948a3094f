// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Ownership;

/// <summary>What the newest record means for the host that runs a guest.</summary>
public enum OwnerVerdict
{
    /// <summary>The record is this host's: the guest runs on, and the lease begins anew.</summary>
    Continue = 1,

    /// <summary>The record says nothing believable (absent, or older than one seen before): hold outputs, let the lease run out, pause.</summary>
    Hold,

    /// <summary>Another host may run the guest: destroy it here, at once.</summary>
    Stop,
}
