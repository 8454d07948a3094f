// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Recovery;

/// <summary>What a primary knows of its right to run the guest.</summary>
internal enum LeaseState
{
    /// <summary>Nobody may take the guest: no backup is named, or nothing was ever claimed for this run of it.</summary>
    Free,

    /// <summary>A backup may take it; confirmed not long ago.</summary>
    Held,

    /// <summary>A backup may have taken it; nobody confirmed in time.</summary>
    Lost,

    /// <summary>Another host may run it.</summary>
    Taken,
}
