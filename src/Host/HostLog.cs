// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;
using Microsoft.Extensions.Logging;

namespace Hikae.Host;

/// <summary>Every line hikaed can log. Ids: 1xx the process, 2xx control socket, 3xx links, 4xx sidecars and ownership, 5xx libvirt, 6xx metrics.</summary>
/// <remarks>Warning and above mean that someone has to look.</remarks>
internal static partial class HostLog
{
    [LoggerMessage(101, LogLevel.Information, "hikaed is ready: links on [{Address}]:{Port}, control socket {Socket}")]
    internal static partial void Ready(this ILogger logger, string address, int port, string socket);

    [LoggerMessage(102, LogLevel.Information, "hikaed ends; sidecars run on")]
    internal static partial void Ending(this ILogger logger);

    [LoggerMessage(103, LogLevel.Warning, "No arbiter directory is configured, so no guest will be protected")]
    internal static partial void NoArbiter(this ILogger logger);

    [LoggerMessage(104, LogLevel.Critical, "hikaed cannot go on: a part of it ended")]
    internal static partial void PartFailed(this ILogger logger, Exception cause);

    [LoggerMessage(105, LogLevel.Warning, "The service manager could not be told that hikaed is ready: {Reason}")]
    internal static partial void NotifyFailed(this ILogger logger, string reason);

    [LoggerMessage(201, LogLevel.Information, "{Role} sidecar of {Guest} ({Uuid}) registered, process {Pid}")]
    internal static partial void SidecarRegistered(this ILogger logger, GuestRole role, string guest, Guid uuid, int pid);

    [LoggerMessage(202, LogLevel.Information, "{Role} sidecar of {Guest} ({Uuid}) said goodbye")]
    internal static partial void SidecarLeft(this ILogger logger, GuestRole role, string guest, Guid uuid);

    [LoggerMessage(203, LogLevel.Warning, "Control connection closed: {Reason}")]
    internal static partial void ControlRefused(this ILogger logger, string reason);

    [LoggerMessage(204, LogLevel.Warning, "Control socket: accepting failed, trying again: {Reason}")]
    internal static partial void ControlAcceptFailed(this ILogger logger, string reason);

    [LoggerMessage(205, LogLevel.Information, "{Guest} ({Uuid}) is now {State}: {Reason}")]
    internal static partial void StateChanged(this ILogger logger, string guest, Guid uuid, GuestState state, string reason);

    [LoggerMessage(206, LogLevel.Information, "Failover of {Guest} was asked for")]
    internal static partial void FailoverAsked(this ILogger logger, string guest);

    [LoggerMessage(207, LogLevel.Error, "A disk's socket could not be opened: {Reason}")]
    internal static partial void DiskSocketFailed(this ILogger logger, string reason);

    [LoggerMessage(301, LogLevel.Information, "Link from {Peer} for {Uuid} handed to its sidecar")]
    internal static partial void LinkHandedOver(this ILogger logger, string peer, Guid uuid);

    [LoggerMessage(302, LogLevel.Information, "Connection from {Peer} closed: {Reason}")]
    internal static partial void LinkRefused(this ILogger logger, string peer, string reason);

    [LoggerMessage(303, LogLevel.Warning, "Links: accepting failed, trying again: {Reason}")]
    internal static partial void LinkAcceptFailed(this ILogger logger, string reason);

    [LoggerMessage(401, LogLevel.Information, "Starting the {Role} sidecar of {Uuid}")]
    internal static partial void SidecarStarting(this ILogger logger, GuestRole role, Guid uuid);

    [LoggerMessage(402, LogLevel.Error, "The {Role} sidecar of {Uuid} could not be started: {Reason}")]
    internal static partial void SidecarStartFailed(this ILogger logger, GuestRole role, Guid uuid, string reason);

    [LoggerMessage(403, LogLevel.Error, "The {Role} sidecar of {Guest} ({Uuid}) died; its last state was {State}")]
    internal static partial void SidecarDied(this ILogger logger, GuestRole role, string guest, Guid uuid, string state);

    [LoggerMessage(404, LogLevel.Warning, "The {Role} sidecar of {Uuid} closed its control connection, but process {Pid} still runs")]
    internal static partial void SidecarSilent(this ILogger logger, GuestRole role, Guid uuid, int pid);

    [LoggerMessage(405, LogLevel.Warning, "{Uuid} is unprotected from generation {Generation} on: its sidecar died, or it is started anew")]
    internal static partial void ClaimedAlone(this ILogger logger, Guid uuid, long generation);

    [LoggerMessage(406, LogLevel.Critical, "{Uuid} belongs to {Owner} since generation {Generation}: the next sidecar must end the guest here")]
    internal static partial void OwnedByOther(this ILogger logger, Guid uuid, string owner, long generation);

    [LoggerMessage(407, LogLevel.Error, "Nobody could be asked who owns {Uuid}: {Reason}")]
    internal static partial void ArbiterUnavailable(this ILogger logger, Guid uuid, string reason);

    [LoggerMessage(408, LogLevel.Warning, "The sidecar of {Uuid} died {Count} times in a row; the next starts in {DelaySeconds} s")]
    internal static partial void RestartDelayed(this ILogger logger, Guid uuid, int count, double delaySeconds);

    [LoggerMessage(409, LogLevel.Error, "Looking after {Uuid} failed")]
    internal static partial void SupervisionFailed(this ILogger logger, Guid uuid, Exception cause);

    [LoggerMessage(410, LogLevel.Warning, "{Uuid} was not allowed to start: {Reason}")]
    internal static partial void StartRefused(this ILogger logger, Guid uuid, string reason);

    [LoggerMessage(411, LogLevel.Warning, "Fencing {Host} by {Command}")]
    internal static partial void FenceBegins(this ILogger logger, string host, string command);

    [LoggerMessage(412, LogLevel.Warning, "{Host} is fenced: it is off")]
    internal static partial void Fenced(this ILogger logger, string host);

    [LoggerMessage(413, LogLevel.Error, "{Host} could not be fenced: {Reason}")]
    internal static partial void FenceFailed(this ILogger logger, string host, string reason);

    [LoggerMessage(414, LogLevel.Information, "No room for the replica of {Uuid}: {Reason}")]
    internal static partial void NoRoomForReplica(this ILogger logger, Guid uuid, string reason);

    [LoggerMessage(415, LogLevel.Information, "It is the turn of {Guest} ({Uuid}), priority {Priority}, to be started here should its host be lost")]
    internal static partial void TurnGranted(this ILogger logger, string guest, Guid uuid, int priority);

    [LoggerMessage(501, LogLevel.Information, "Connected to libvirt at {Uri}")]
    internal static partial void LibvirtConnected(this ILogger logger, string uri);

    [LoggerMessage(502, LogLevel.Warning, "libvirt at {Uri} cannot be reached, trying again: {Reason}")]
    internal static partial void LibvirtUnreachable(this ILogger logger, string uri, string reason);

    [LoggerMessage(503, LogLevel.Warning, "The connection to libvirt at {Uri} is lost, trying again; guests run on")]
    internal static partial void LibvirtLost(this ILogger logger, string uri);

    [LoggerMessage(504, LogLevel.Warning, "{Guest} wants protection, but not in a way that is understood: {Reason}")]
    internal static partial void AnnotationMalformed(this ILogger logger, string guest, string reason);

    [LoggerMessage(505, LogLevel.Warning, "{Guest} could not be looked at: {Reason}")]
    internal static partial void DomainUnreadable(this ILogger logger, string guest, string reason);

    [LoggerMessage(601, LogLevel.Information, "Metrics are at http://{EndPoint}/metrics")]
    internal static partial void MetricsReady(this ILogger logger, string endPoint);

    [LoggerMessage(602, LogLevel.Warning, "There are no metrics, as hikaed cannot listen on {EndPoint}; trying again: {Reason}")]
    internal static partial void MetricsUnavailable(this ILogger logger, string endPoint, string reason);

    [LoggerMessage(603, LogLevel.Error, "A request for metrics could not be answered")]
    internal static partial void MetricsFailed(this ILogger logger, Exception cause);
}
