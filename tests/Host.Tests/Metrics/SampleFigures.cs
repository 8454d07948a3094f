// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Host.Metrics;
using Hikae.Protocol.Control;

namespace Hikae.Host.Tests.Metrics;

/// <summary>Figures with a number for everything that has one.</summary>
internal static class SampleFigures
{
    public static readonly Guid Mail = new("7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00");

    /// <summary>A guest in each role, and one that waits.</summary>
    public static HostFigures Everything { get; } =
        Of(Guest(GuestRole.Primary), Guest(GuestRole.Backup), FakeSidecar.StatusOf(new Guid("7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a01"), GuestRole.Backup, GuestState.Waiting, "web"));

    public static HostFigures Of(params GuestStatus[] guests) =>
        new("here", "1.2.3", true, 1, 2, new HostMemory(8, 4), guests) { ReplicaBytes = 2, ReplicaBudgetBytes = 4 };

    private static GuestStatus Guest(GuestRole role) => FakeSidecar.StatusOf(Mail, role, GuestState.Protected) with
    {
        Epoch = 5,
        CommittedAgeMs = 1,
        PauseMsP50 = 1,
        PauseMsP99 = 2,
        PauseMsMax = 3,
        PauseSteps = [new PauseStep("stop", 1, 2), new PauseStep("scan", 1, 2), new PauseStep("stop", 3, 4)],
        BackupBytes = 1,
        BackupParts = role == GuestRole.Backup ? new ReplicaParts(1, 2, 3, 4) : null,
        GuestBytes = long.MaxValue,
        Replicated = new ReplicatedTotals(1, 2, 3),
        SoftPages = new SoftPageCounts(1, 2, 3, 4),
        DiskScan = new DiskScanProgress(1, 2),
        MemoryFill = new MemoryFill(1, 2, 3),
        Outputs = OutputHold.Held,
        Packets = new PacketCounts(1, 2, 3),
    };
}
