// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Ownership;

/// <summary>What the newest record means for a host that holds a guest's replica.</summary>
public enum BackupVerdict
{
    /// <summary>The guest is this host's: start it.</summary>
    Recover = 1,

    /// <summary>This host may still claim the guest, for exactly this replica.</summary>
    Wait,

    /// <summary>The record says nothing believable: keep the replica, start nothing, ask again.</summary>
    Hold,

    /// <summary>The guest went on without this replica: drop it.</summary>
    Drop,
}
