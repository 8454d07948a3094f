// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;

namespace Hikae.Host.Metrics;

/// <summary>Every number hikaed publishes. docs/man/hikaed.8 describes each of them; a test compares.</summary>
internal static class MetricFamilies
{
    private const double MsPerSecond = 1000;
    private const double PageBytes = 4096;

    public static IReadOnlyList<MetricFamily> All { get; } =
    [
        MetricFamily.OfHost("hikae_up", MetricType.Gauge, "1: hikaed answers. When it does not, there is no number.", _ => 1),
        new("hikae_build_info", MetricType.Gauge, "1, with the version of hikaed and the name of the host.",
            figures => [new MetricSample(1, ("version", figures.Version), ("host", figures.Host))]),
        MetricFamily.OfHost("hikae_libvirt_up", MetricType.Gauge, "1 when libvirt answers hikaed, 0 when it does not.", figures => figures.IsLibvirtConnected ? 1 : 0),
        MetricFamily.OfHost("hikae_failovers_total", MetricType.Counter, "Guests that went on here after a failover, since hikaed started.", figures => figures.Failovers),
        MetricFamily.OfHost("hikae_sidecar_deaths_total", MetricType.Counter, "Sidecars that ended without a goodbye, since hikaed started.", figures => figures.SidecarDeaths),
        new("hikae_host_memory_bytes", MetricType.Gauge, "Memory of this host.", figures => Memory(figures.Memory?.TotalBytes)),
        new("hikae_host_memory_available_bytes", MetricType.Gauge, "Memory that could be taken without swapping, by the kernel's estimate.", figures => Memory(figures.Memory?.AvailableBytes)),
        MetricFamily.OfHost("hikae_host_replica_bytes", MetricType.Gauge, "Memory that the sidecars of all replicas on this host take for themselves.", figures => figures.ReplicaBytes),
        new("hikae_host_replica_budget_bytes", MetricType.Gauge, "Memory that they may take before a further guest is refused.", figures => Memory(figures.ReplicaBudgetBytes)),

        MetricFamily.OfAnyGuest("hikae_guest_state", MetricType.Gauge, "1, with the state as in hikae status; unknown when the sidecar is silent.",
            status => new MetricSample(1, ("state", status.Stale ? "unknown" : MetricFamily.Word(status.State)))),
        MetricFamily.OfAnyGuest("hikae_guest_protected", MetricType.Gauge, "1 when a failover would find a whole checkpoint: protected on the primary, ready on the backup. Else 0.",
            status => new MetricSample(status is { Stale: false, State: GuestState.Protected or GuestState.Ready } ? 1 : 0)),
        MetricFamily.OfGuest("hikae_guest_peer_info", MetricType.Gauge, "1, with the name of the guest's other host.",
            status => status.Peer is string peer ? [new MetricSample(1, ("peer", peer))] : Array.Empty<MetricSample>()),

        MetricFamily.OfGuest("hikae_guest_epoch", MetricType.Gauge, "Primary: the epoch the guest runs in. Backup: the newest whole epoch held.", status => status.Epoch),
        MetricFamily.OfGuest("hikae_guest_committed_age_seconds", MetricType.Gauge, "Age of the newest committed checkpoint; no number before the first.", status => status.CommittedAgeMs / MsPerSecond),
        MetricFamily.OfGuest("hikae_guest_pause_seconds", MetricType.Summary, "How long the guest stood still for a checkpoint, of the last 600; quantile 1 is the longest.", Pauses),
        MetricFamily.OfGuest("hikae_guest_pause_step_seconds", MetricType.Summary, "The same pauses step by step, as hikae(8) explains the steps.", PauseSteps),

        MetricFamily.OfGuest("hikae_guest_memory_bytes", MetricType.Gauge, "Memory the guest has.", status => status.GuestBytes > 0 ? status.GuestBytes : null),
        MetricFamily.OfGuest("hikae_guest_replica_bytes", MetricType.Gauge, "Memory the guest's replica takes on the backup.", status => status.BackupBytes),
        MetricFamily.OfGuest("hikae_guest_replica_part_bytes", MetricType.Gauge, "The same memory by part; backup only.", Parts),
        MetricFamily.OfGuest("hikae_guest_soft_bytes", MetricType.Gauge, "Guest memory that the backup need not keep, or that was found elsewhere, by kind; primary only.", Soft),
        MetricFamily.OfGuest("hikae_guest_disk_scan_bytes", MetricType.Gauge, "Bytes of the guest's disks that were looked through for its pages, and all of them; primary only.", Scan),
        MetricFamily.OfGuest("hikae_guest_epoch_dirty_bytes", MetricType.Gauge, "Pages the guest wrote in the newest sealed epoch.", OfPrimary(status => status.DirtyBytesPerEpoch)),

        MetricFamily.OfGuest("hikae_guest_checkpoints_total", MetricType.Counter, "Checkpoints the backup acknowledged in this session.", status => status.Replicated?.Checkpoints),
        MetricFamily.OfGuest("hikae_guest_dirty_bytes_total", MetricType.Counter, "Pages captured in this session, the first copy of the guest included.", status => status.Replicated?.DirtyBytes),
        MetricFamily.OfGuest("hikae_guest_wire_bytes_total", MetricType.Counter, "Bytes given to the link in this session, before TLS.", status => status.Replicated?.WireBytes),
        MetricFamily.OfGuest("hikae_guest_delta_bytes_total", MetricType.Counter, "Pages captured in this session of which only what changed was sent.", status => status.Replicated?.DeltaBytes),

        MetricFamily.OfGuest("hikae_guest_outputs_held", MetricType.Gauge, "1 when the guest's packets wait for their checkpoint, 0 when they leave at once; no number without an interface.",
            status => status.Outputs == OutputHold.None ? null : status.Outputs == OutputHold.Held ? 1 : 0),
        MetricFamily.OfGuest("hikae_guest_packets_total", MetricType.Counter, "Packets the guest sent while they were held.", status => status.Packets?.Sent),
        MetricFamily.OfGuest("hikae_guest_packets_dropped_total", MetricType.Counter, "Of these, packets dropped because too much waited.", status => status.Packets?.Dropped),
        MetricFamily.OfGuest("hikae_guest_packets_held_bytes", MetricType.Gauge, "Packets that wait for their checkpoint now.", status => status.Packets?.HeldBytes),
    ];

    private static MetricSample[] Memory(long? bytes) => bytes is long known ? [new MetricSample(known)] : [];

    private static Func<GuestStatus, double?> OfPrimary(Func<GuestStatus, double> value) =>
        status => status.Role == GuestRole.Primary ? value(status) : null;

    private static MetricSample[] Pauses(GuestStatus status) => status.PauseMsMax <= 0
        ? []
        : [Quantile("0.5", status.PauseMsP50), Quantile("0.99", status.PauseMsP99), Quantile("1", status.PauseMsMax)];

    private static MetricSample Quantile(string quantile, double ms) => new(ms / MsPerSecond, ("quantile", quantile));

    private static IEnumerable<MetricSample> PauseSteps(GuestStatus status) => (status.PauseSteps ?? []).DistinctBy(step => step.Step).SelectMany(step => (MetricSample[])
    [
        new(step.MsP50 / MsPerSecond, ("step", step.Step), ("quantile", "0.5")),
        new(step.MsP99 / MsPerSecond, ("step", step.Step), ("quantile", "0.99")),
    ]);

    private static MetricSample[] Parts(GuestStatus status) => status.BackupParts is not ReplicaParts parts
        ? []
        : [Kind("part", "pages", parts.PageBytes), Kind("part", "tables", parts.TableBytes), Kind("part", "devices", parts.DeviceBytes), Kind("part", "disks", parts.DiskBytes)];

    private static MetricSample[] Soft(GuestStatus status) => status.SoftPages is not SoftPageCounts pages
        ? []
        :
        [
            Kind("kind", "zero", pages.Zero * PageBytes),
            Kind("kind", "free", pages.Free * PageBytes),
            Kind("kind", "cache_reported", pages.CacheReported * PageBytes),
            Kind("kind", "on_disk", pages.OnDisk * PageBytes),
            .. pages.Read is long read ? (MetricSample[])[Kind("kind", "read", read * PageBytes)] : [],
        ];

    private static MetricSample[] Scan(GuestStatus status) => status.DiskScan is not DiskScanProgress scan
        ? []
        : [Kind("part", "done", scan.DoneBytes), Kind("part", "all", scan.TotalBytes)];

    private static MetricSample Kind(string label, string kind, double bytes) => new(bytes, (label, kind));
}
