// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>One guest's protection as one host sees it. Written by the guest's sidecar, kept and answered by hikaed.</summary>
public sealed record GuestStatus
{
    /// <summary>The reason of a primary that ends because its guest's annotation is gone.</summary>
    public const string Disabled = "disabled";

    /// <summary>The guest's libvirt name.</summary>
    public required string Guest { get; init; }

    /// <summary>The guest's libvirt UUID.</summary>
    public required Guid Uuid { get; init; }

    /// <summary>What this host is to the guest.</summary>
    public required GuestRole Role { get; init; }

    /// <summary>How the protection stands.</summary>
    public required GuestState State { get; init; }

    /// <summary>A sentence for people: why the state is not the wanted one. Null when there is nothing to say.</summary>
    public string? Reason { get; init; }

    /// <summary>Of the guest's annotation, as this host knows it; null before it is known.</summary>
    public int? Priority { get; init; }

    /// <summary>Primary: the epoch the guest runs in. Backup: the newest whole epoch held. 0 = none yet.</summary>
    public ulong Epoch { get; init; }

    /// <summary>Milliseconds between the newest committed checkpoint and <see cref="UpdatedAt"/>, by the writer's monotonic clock. Null before the first.</summary>
    public double? CommittedAgeMs { get; init; }

    /// <summary>Milliseconds the guest stood still for a checkpoint, median of the last 600 of this session; primary only.</summary>
    public double PauseMsP50 { get; init; }

    /// <summary>Milliseconds, the 99th percentile of the same pauses.</summary>
    public double PauseMsP99 { get; init; }

    /// <summary>Milliseconds, the longest of the same pauses.</summary>
    public double PauseMsMax { get; init; }

    /// <summary>Milliseconds from the sidecar's command for a checkpoint to its answer, median: the pause and the ways to QEMU and back, on which the guest runs; primary only.</summary>
    public double CheckpointMsP50 { get; init; }

    /// <summary>Milliseconds, the 99th percentile of the same.</summary>
    public double CheckpointMsP99 { get; init; }

    /// <summary>The same pauses, step by step in the order of the steps; null where no guest is paused (backup).</summary>
    public IReadOnlyList<PauseStep>? PauseSteps { get; init; }

    /// <summary>Bytes of memory the guest's replica takes on the backup, as the backup reported them.</summary>
    public long BackupBytes { get; init; }

    /// <summary>What <see cref="BackupBytes"/> consists of; only the backup knows, null elsewhere.</summary>
    public ReplicaParts? BackupParts { get; init; }

    /// <summary>Bytes of memory the guest has (all of QEMU's RAM blocks).</summary>
    public long GuestBytes { get; init; }

    /// <summary>Bytes of pages written by the guest in the newest sealed epoch.</summary>
    public long DirtyBytesPerEpoch { get; init; }

    /// <summary>What was replicated since the session with the backup began; primary only, null elsewhere.</summary>
    public ReplicatedTotals? Replicated { get; init; }

    /// <summary>Pages that need not be kept; null where nobody counts them (backup).</summary>
    public SoftPageCounts? SoftPages { get; init; }

    /// <summary>Primary: how far its disks are looked through; null where they are not, as [soft] of hikae.conf says.</summary>
    public DiskScanProgress? DiskScan { get; init; }

    /// <summary>A guest that is recovered here: how far its memory is; null before it flows, and once the guest is an ordinary one.</summary>
    public MemoryFill? MemoryFill { get; init; }

    /// <summary>Name of the other host, null when none is known.</summary>
    public string? Peer { get; init; }

    /// <summary>What happens to the guest's packets.</summary>
    /// <remarks>The JSON reader sets an init-only member that is not in the message to 0, past any initialiser, and 0 cannot be written again.</remarks>
    public OutputHold Outputs { get => field == 0 ? OutputHold.None : field; init; }

    /// <summary>Packets that wait for their commit; null where none are held.</summary>
    public PacketCounts? Packets { get; init; }

    /// <summary>Name of the host that wrote this.</summary>
    public required string Host { get; init; }

    /// <summary>The writer's wall clock, for people to read. No decision is made with it.</summary>
    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>
    /// Set by hikaed only: the sidecar that wrote this is gone or has been silent for several seconds, so the rest is history.
    /// </summary>
    public bool Stale { get; init; }
}
