// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Reflection;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hikae.Sidecar.Tests;

public sealed class StatusBoardTests : IDisposable
{
    private static readonly Guid Guest = Guid.NewGuid();

    private static readonly GuestStatus Plain = new()
    {
        Guest = "web",
        Uuid = Guest,
        Role = GuestRole.Primary,
        State = GuestState.Starting,
        Host = "hostA",
        UpdatedAt = DateTimeOffset.UnixEpoch,
    };

    /// <summary>Differs from the other in every member.</summary>
    private static readonly GuestStatus Measured = new()
    {
        Guest = "measured",
        Uuid = Guid.NewGuid(),
        Role = GuestRole.Backup,
        State = GuestState.Protected,
        Reason = "measured",
        Epoch = 7,
        CommittedAgeMs = 1,
        Priority = 70,
        PauseMsP50 = 2,
        PauseMsP99 = 3,
        PauseMsMax = 4,
        CheckpointMsP50 = 4,
        CheckpointMsP99 = 5,
        PauseSteps = [new PauseStep("scan", 1, 2)],
        BackupBytes = 5,
        BackupParts = new ReplicaParts(1, 2, 3),
        GuestBytes = 6,
        DirtyBytesPerEpoch = 8,
        Replicated = new ReplicatedTotals(1, 2, 3),
        SoftPages = new SoftPageCounts(1, 2, 3),
        DiskScan = new DiskScanProgress(1, 2),
        MemoryFill = new MemoryFill(1, 2, 3),
        Peer = "measured",
        Outputs = OutputHold.Held,
        Packets = new PacketCounts(1, 2, 3),
        Host = "measured",
        UpdatedAt = DateTimeOffset.MaxValue,
        Stale = true,
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("hikae-status-").FullName;
    private readonly ScriptedDaemon _hikaed;
    private readonly DaemonClient _daemon;
    private readonly StatusBoard _status;

    public StatusBoardTests()
    {
        string socket = Path.Combine(_folder, "hikaed.sock");
        _hikaed = new ScriptedDaemon(socket);
        _daemon = new DaemonClient(socket, new Register(Guest, "web", GuestRole.Primary, 1), NullLogger.Instance);
        _status = new StatusBoard(Plain, _daemon, TimeProvider.System, NullLogger.Instance);
        _daemon.Start();
        _hikaed.Accept();
    }

    [Fact]
    public void Whatever_was_measured_is_not_shown_any_more_when_there_is_nothing_to_measure()
    {
        Assert.All(typeof(GuestStatus).GetProperties(BindingFlags.Public | BindingFlags.Instance), member =>
            Assert.NotEqual(member.GetValue(Plain), member.GetValue(Measured)));

        _status.MeasureWith(_ => Measured);
        _status.Set(GuestState.Synchronising);
        Assert.Equal(Text(Measured), Text(Shown(GuestState.Protected)));
        Assert.Equal(Measured.Epoch, _status.Latest.Epoch);
        _status.MeasureWith(null);
        _status.Set(GuestState.Unprotected, "lost");

        Assert.Equal(Text(Plain with { State = GuestState.Unprotected, Reason = "lost" }), Text(Shown(GuestState.Unprotected)));
        Assert.Equal(0UL, _status.Latest.Epoch);
    }

    public void Dispose()
    {
        _status.Dispose();
        _daemon.Dispose();
        _hikaed.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private GuestStatus Shown(GuestState state)
    {
        while (true)
        {
            if (_hikaed.Receive<Status>().Guest is var shown && shown.State == state)
            {
                return shown;
            }
        }
    }

    /// <summary>All members but the time of writing, which is the board's own.</summary>
    private static string Text(GuestStatus status) => System.Text.Encoding.UTF8.GetString(ControlFrame.Write(new Status(status with { UpdatedAt = default })));
}
