// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Labs;

/// <summary>One guest as <c>hikae status --json</c> of one host shows it, read by name as a script would.</summary>
public sealed record GuestReport
{
    /// <summary>The guest's libvirt name.</summary>
    public required string Guest { get; init; }

    /// <summary>primary or backup.</summary>
    public required string Role { get; init; }

    /// <summary>protected, unprotected, ready, and so on.</summary>
    public required string State { get; init; }

    /// <summary>Why the state is not the wanted one; "" when there is nothing to say.</summary>
    public string Reason { get => field ?? ""; init; }

    /// <summary>Primary: the epoch the guest runs in. Backup: the newest whole epoch held.</summary>
    public ulong Epoch { get; init; }

    /// <summary>Milliseconds since the newest commit; null before the first.</summary>
    public double? CommittedAgeMs { get; init; }

    /// <summary>Milliseconds, median of the last 100 checkpoints.</summary>
    public double PauseMsP50 { get; init; }

    /// <summary>Milliseconds, the longest of the same.</summary>
    public double PauseMsMax { get; init; }

    /// <summary>Bytes the replica takes on the backup.</summary>
    public long BackupBytes { get; init; }

    /// <summary>Bytes of memory the guest has.</summary>
    public long GuestBytes { get; init; }

    /// <summary>Mean of the bytes written by the guest in an epoch.</summary>
    public long DirtyBytesPerEpoch { get; init; }

    /// <summary>Pages that the backup need not keep; null where none were counted.</summary>
    public GuestSoftPages? SoftPages { get; init; }

    /// <summary>How far its disks are looked through; null where they are not.</summary>
    public GuestDiskScan? DiskScan { get; init; }

    /// <summary>How far the memory of a guest is that is recovered; null where none is.</summary>
    public GuestMemoryFill? MemoryFill { get; init; }

    /// <summary>The other host.</summary>
    public string? Peer { get; init; }

    /// <summary>held, unheld or none.</summary>
    public string? Outputs { get; init; }

    /// <summary>Packets that wait for their commit; null where none are held.</summary>
    public GuestPackets? Packets { get; init; }

    /// <summary>The host that says so.</summary>
    public string? Host { get; init; }

    /// <summary>The host's wall clock when it was written.</summary>
    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>The sidecar that wrote this is gone or silent.</summary>
    public bool Stale { get; init; }
}
