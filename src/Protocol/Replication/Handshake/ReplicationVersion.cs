// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>Which protocol versions this build speaks: its own and the one before.</summary>
public static class ReplicationVersion
{
    /// <summary>The version this build prefers.</summary>
    public const int Current = 1;

    /// <summary>The oldest version it still speaks.</summary>
    public const int Oldest = 1;

    /// <summary>The newest version both sides speak, or null when there is none.</summary>
    public static int? Agree(int peerOldest, int peerCurrent)
    {
        int newest = Math.Min(Current, peerCurrent);
        return newest >= Math.Max(Oldest, peerOldest) ? newest : null;
    }
}
