// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;
using Hikae.Sidecar.Disk;
using Hikae.Sidecar.Epoch;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>Every line the sidecar can log. Ids: 1xx process and capture, 2xx epoch, 25x disk, 3xx link, 4xx ownership and recovery. Guest and role are in the scope.</summary>
internal static partial class SidecarLog
{
    /// <summary>The fields that every line of this process carries.</summary>
    internal static readonly Func<ILogger, Guid, GuestRole, IDisposable?> Scope = LoggerMessage.DefineScope<Guid, GuestRole>("guest={Guest} role={Role}");

    [LoggerMessage(101, LogLevel.Information, "Started, pid {Pid}, version {Version}")]
    internal static partial void Started(this ILogger logger, int pid, string version);

    [LoggerMessage(102, LogLevel.Information, "State {State}: {Reason}")]
    internal static partial void StateChanged(this ILogger logger, GuestState state, string reason);

    [LoggerMessage(103, LogLevel.Warning, "The guest could not be resumed yet: {Detail}; trying until it goes on")]
    internal static partial void ResumeFailed(this ILogger logger, string detail);

    [LoggerMessage(104, LogLevel.Warning, "The guest stood still because an earlier sidecar died in a checkpoint; it goes on")]
    internal static partial void ResumedAfterCrash(this ILogger logger);

    [LoggerMessage(105, LogLevel.Information, "Ends: {Reason}")]
    internal static partial void Ending(this ILogger logger, string reason);

    [LoggerMessage(106, LogLevel.Warning, "The daemon's control socket {Path} cannot be reached: {Detail}")]
    internal static partial void DaemonUnreachable(this ILogger logger, string path, string detail);

    [LoggerMessage(107, LogLevel.Warning, "Live status could not be written to the domain's metadata: {Detail}")]
    internal static partial void MetadataFailed(this ILogger logger, string detail);

    [LoggerMessage(108, LogLevel.Error, "Unexpected: {Detail}")]
    internal static partial void Unexpected(this ILogger logger, string detail, Exception error);

    [LoggerMessage(109, LogLevel.Warning, "The guest agent's answer was refused: {Detail}")]
    internal static partial void AgentRefused(this ILogger logger, string detail);

    [LoggerMessage(110, LogLevel.Warning, "The filters in front of the guest's interfaces could not be taken away yet: {Detail}. Its packets pass through here")]
    internal static partial void FiltersNotRemoved(this ILogger logger, string detail);

    [LoggerMessage(111, LogLevel.Warning, "QEMU did not take {Bytes} bytes of packets of interface {Name} in time: they are lost")]
    internal static partial void PacketsNotTaken(this ILogger logger, string name, long bytes);

    [LoggerMessage(112, LogLevel.Warning, "Interface {Name} has no gate in the kernel ({Detail}): if this host is stopped and wakes after a failover, packets that QEMU had may still leave")]
    internal static partial void NoOutputGate(this ILogger logger, string name, string detail);

    [LoggerMessage(113, LogLevel.Warning, "The service manager's watchdog could not be told that this process is well: {Detail}")]
    internal static partial void NotifyFailed(this ILogger logger, string detail);

    [LoggerMessage(114, LogLevel.Information, "What the guest reads is not known, so a failover fills its memory without regard to that: {Detail}")]
    internal static partial void ReadsNotKnown(this ILogger logger, string detail);

    [LoggerMessage(201, LogLevel.Warning, "{Epoch} made the guest stand still for up to {PauseMs} ms")]
    internal static partial void LongPause(this ILogger logger, EpochId epoch, double pauseMs);

    [LoggerMessage(202, LogLevel.Information, "{Epoch} is the first whole checkpoint on the backup, after {Ms} ms")]
    internal static partial void FirstCommit(this ILogger logger, EpochId epoch, double ms);

    [LoggerMessage(203, LogLevel.Debug, "{Epoch} sealed: {Pages} pages, pause {PauseMs} ms")]
    internal static partial void EpochSealed(this ILogger logger, EpochId epoch, long pages, double pauseMs);

    [LoggerMessage(204, LogLevel.Information, "The first write to a protected page takes {Us} µs on this host")]
    internal static partial void FirstWriteMeasured(this ILogger logger, double us);

    [LoggerMessage(205, LogLevel.Warning, "What the first write to a protected page takes cannot be measured, the pace of checkpoints does not heed it: {Detail}")]
    internal static partial void FirstWriteNotMeasured(this ILogger logger, string detail);

    [LoggerMessage(251, LogLevel.Information, "Disk {Disk}: {Mode}, {Bytes} bytes buffered")]
    internal static partial void DiskModeChanged(this ILogger logger, string disk, DiskMode mode, long bytes);

    [LoggerMessage(252, LogLevel.Error, "Disk {Disk}: the image cannot be written: {Detail}. Tried again until it can; the writes stay in the buffer")]
    internal static partial void DiskImageFailed(this ILogger logger, string disk, string detail);

    [LoggerMessage(253, LogLevel.Warning, "Disk {Disk}: a client was refused: {Detail}")]
    internal static partial void DiskClientRefused(this ILogger logger, string disk, string detail);

    [LoggerMessage(254, LogLevel.Information, "Disk {Disk}: the image can be written again")]
    internal static partial void DiskImageWorks(this ILogger logger, string disk);

    [LoggerMessage(301, LogLevel.Information, "Linked with {Peer}, protocol version {Version}")]
    internal static partial void Linked(this ILogger logger, string peer, int version);

    [LoggerMessage(302, LogLevel.Warning, "{Detail}")]
    internal static partial void PeerLost(this ILogger logger, string detail);

    [LoggerMessage(303, LogLevel.Information, "The primary says goodbye ({Reason}): the replica is dropped")]
    internal static partial void PrimarySaidBye(this ILogger logger, string reason);

    [LoggerMessage(304, LogLevel.Warning, "A torn epoch {Epoch} is discarded, the replica stays at epoch {Committed}")]
    internal static partial void TornEpoch(this ILogger logger, ulong epoch, ulong committed);

    [LoggerMessage(401, LogLevel.Critical, "Fenced: {Detail}. The guest is destroyed on this host")]
    internal static partial void Fenced(this ILogger logger, string detail);

    [LoggerMessage(402, LogLevel.Error, "The arbiter cannot be reached: {Detail}")]
    internal static partial void ArbiterUnavailable(this ILogger logger, string detail);

    [LoggerMessage(403, LogLevel.Information, "Dry start: {Detail}")]
    internal static partial void DryStarted(this ILogger logger, string detail);

    [LoggerMessage(404, LogLevel.Warning, "Failover begins: {Detail}")]
    internal static partial void FailoverBegins(this ILogger logger, string detail);

    [LoggerMessage(405, LogLevel.Warning, "Failover is done: the guest runs here from epoch {Epoch}, {Ms} ms after the decision")]
    internal static partial void FailoverDone(this ILogger logger, ulong epoch, double ms);

    [LoggerMessage(406, LogLevel.Critical, "Failover did not succeed: {Detail}")]
    internal static partial void FailoverFailed(this ILogger logger, string detail);

    [LoggerMessage(407, LogLevel.Information, "No failover: {Detail}")]
    internal static partial void NoFailover(this ILogger logger, string detail);

    [LoggerMessage(408, LogLevel.Information, "Recovery: {Step} after {Ms} ms")]
    internal static partial void RecoveryStep(this ILogger logger, string step, double ms);

    [LoggerMessage(409, LogLevel.Warning, "The lease is not renewed, the arbiter cannot be reached: {Detail}")]
    internal static partial void LeaseNotRenewed(this ILogger logger, string detail);

    [LoggerMessage(410, LogLevel.Error, "The lease has run out: nothing is written or let out any more, and the guest is paused")]
    internal static partial void LeaseLost(this ILogger logger);

    [LoggerMessage(411, LogLevel.Warning, "The lease is renewed: the arbiter still names this host")]
    internal static partial void LeaseRegained(this ILogger logger);

    [LoggerMessage(412, LogLevel.Information, "The disks may be written here: {Why}")]
    internal static partial void MayWriteImage(this ILogger logger, string why);

    [LoggerMessage(413, LogLevel.Warning, "Fencing {Host} did not succeed: {Detail}. The disks are written when its lease is over")]
    internal static partial void FenceFailed(this ILogger logger, string host, string detail);

    [LoggerMessage(450, LogLevel.Warning, "Recovery with lazy memory failed, trying the ordinary stream: {Detail}")]
    internal static partial void LazyMemoryFailed(this ILogger logger, string detail);

    [LoggerMessage(451, LogLevel.Warning, "No lazy memory, all memory is loaded before the guest runs: {Detail}")]
    internal static partial void NoLazyMemory(this ILogger logger, string detail);

    [LoggerMessage(452, LogLevel.Error, "libvirt did not take the definition of the guest, which belongs to this host now: {Detail}")]
    internal static partial void NotDefined(this ILogger logger, string detail);

    [LoggerMessage(453, LogLevel.Warning, "A domain left over from a recovery that was cut short is destroyed")]
    internal static partial void LeftoverDestroyed(this ILogger logger);

    [LoggerMessage(454, LogLevel.Error, "The domain of a failed recovery could not be destroyed: {Detail}")]
    internal static partial void NotDestroyed(this ILogger logger, string detail);

    [LoggerMessage(455, LogLevel.Information, "The guest's agent is {Outcome} of the failover")]
    internal static partial void AgentTold(this ILogger logger, string outcome);

    [LoggerMessage(456, LogLevel.Error, "The recovered guest is not settled yet: {Detail}")]
    internal static partial void NotSettled(this ILogger logger, string detail);

    [LoggerMessage(457, LogLevel.Information, "The stand-by domain could not be created ahead of time: {Detail}")]
    internal static partial void StandbyFailed(this ILogger logger, string detail);

    [LoggerMessage(458, LogLevel.Warning, "libvirt fails, the recovery is tried again: {Detail}")]
    internal static partial void RecoveryTriedAgain(this ILogger logger, string detail);

    [LoggerMessage(459, LogLevel.Warning, "A takeover of {Host}'s guest was cut short with its sidecar, and goes on")]
    internal static partial void TakeoverGoesOn(this ILogger logger, string host);

    [LoggerMessage(460, LogLevel.Error, "The sidecar was killed before the guest had all its memory: it cannot go on and is destroyed. Start it from its disks")]
    internal static partial void RecoveryCutShort(this ILogger logger);

    [LoggerMessage(461, LogLevel.Warning, "libvirt failed as it let the guest go on; the next libvirtd is asked whether it runs: {Detail}")]
    internal static partial void ResumeTriedAgain(this ILogger logger, string detail);

    [LoggerMessage(462, LogLevel.Information, "Generation {Generation} of the ownership record names this host as the backup")]
    internal static partial void ClaimSeen(this ILogger logger, long generation);

    [LoggerMessage(463, LogLevel.Warning, "The daemon cannot be asked for this guest's turn ({Detail}): it is started at once, whatever else is")]
    internal static partial void NoTurns(this ILogger logger, string detail);

    [LoggerMessage(501, LogLevel.Warning, "The daemon keeps no socket {Path} for a disk: {Detail}. If this sidecar is killed, the guest's disks wait some seconds longer")]
    internal static partial void DiskSocketOfOurOwn(this ILogger logger, string path, string detail);

    [LoggerMessage(502, LogLevel.Information, "Disks {Disks} are served again")]
    internal static partial void DisksServedAgain(this ILogger logger, string disks);

    [LoggerMessage(503, LogLevel.Information, "Disks {Disks} are interposed: their writes wait for their checkpoint")]
    internal static partial void DisksInterposed(this ILogger logger, string disks);

    [LoggerMessage(504, LogLevel.Warning, "{Bytes} bytes of disk writes are not in the images yet: {Detail}")]
    internal static partial void StillDraining(this ILogger logger, long bytes, string detail);

    [LoggerMessage(505, LogLevel.Warning, "The guest has ended without its sidecar; {Bytes} bytes it wrote last to disks {Disks} go to the images now")]
    internal static partial void LeftoverDrained(this ILogger logger, string disks, long bytes);

    [LoggerMessage(506, LogLevel.Warning, "The guest's disks cannot be given back yet, they are served on: {Detail}")]
    internal static partial void DisksNotGivenBack(this ILogger logger, string detail);

    [LoggerMessage(507, LogLevel.Information, "The guest's disks are looked through for pages that are there, {Bytes} bytes")]
    internal static partial void DisksScanned(this ILogger logger, long bytes);

    [LoggerMessage(508, LogLevel.Warning, "The UEFI variable store {Path} was deleted or replaced: what the guest's firmware writes is not kept until the guest is started again")]
    internal static partial void FirmwareStoreGone(this ILogger logger, string path);
}
