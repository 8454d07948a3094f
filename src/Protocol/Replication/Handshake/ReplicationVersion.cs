// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>Which protocol versions this build speaks: its own (N) and the one before (N-1), so that two hosts can be upgraded one after the other.</summary>
public static class ReplicationVersion
{
    /// <summary>The version this build prefers.</summary>
    public const int Current = 4;

    /// <summary>The first version whose backup takes over SATA disks and the variable store of UEFI firmware.</summary>
    public const int WithMoreDisks = 4;

    /// <summary>The oldest version it still speaks.</summary>
    public const int Oldest = 3;

    /// <summary>The newest version both sides speak, or null when there is none.</summary>
    /// <param name="peerOldest">The oldest version the peer speaks.</param>
    /// <param name="peerCurrent">The newest version the peer speaks.</param>
    public static int? Agree(int peerOldest, int peerCurrent) => Agree(Oldest, Current, peerOldest, peerCurrent);

    internal static int? Agree(int ownOldest, int ownCurrent, int peerOldest, int peerCurrent)
    {
        int newest = Math.Min(ownCurrent, peerCurrent);
        return newest >= Math.Max(ownOldest, peerOldest) ? newest : null;
    }
}
