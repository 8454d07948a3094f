// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Configuration;

/// <summary>Section [backup]: what this host gives to guests of other hosts.</summary>
public sealed record BackupConfiguration
{
    /// <summary>Memory for all replicas together: once they take more, no further guest is taken. Those that are protected stay.</summary>
    public MemoryAmount Budget { get; init; } = MemoryAmount.Percent(50);

    /// <summary>Memory that the guests that run here and the replicas may take together: beyond it a failover waits.</summary>
    public MemoryAmount Memory { get; init; } = MemoryAmount.Percent(90);

    /// <summary>How many guests are started at once when a host dies. Each takes libvirt and a processor for a moment.</summary>
    public int Recoveries { get; init; } = 4;

    /// <summary>How fast a guest that was started here gets the memory that it has not asked for, each; null: as fast as it can.</summary>
    public long? PrefetchBytesPerSecond { get; init; }
}
