// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Net.Sockets;
using Hikae.Native.Libvirt;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.PageStore;
using Hikae.Sidecar.Recovery.Stream;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Recovery;

/// <summary>Starts a guest on this host from its replica; before that, tries whether it could.</summary>
/// <remarks>
/// Theory of operation. libvirt creates the domain paused, with a QEMU that waits for a migration stream. The stream comes
/// from the replica: with lazy memory if QEMU may use userfaultfd, else whole. Once QEMU has loaded the devices, libvirt
/// itself resumes the guest, so its idea of the domain is right, and the ordinary XML becomes the domain's definition.
///
/// libvirtd may be restarted at this very moment. The guest is this host's by now and runs nowhere else, so libvirt is waited for and the domain made anew.
///
/// Invariants: an attempt that fails leaves no domain behind. There is no second attempt once the guest has run.
/// Whether this host may run the guest is not asked here: the caller owns it before it calls <see cref="Recover"/>.
/// </remarks>
internal sealed class GuestStarter : IDisposable
{
    /// <summary>After the last page QEMU only has to say so; a host that swaps may take its time.</summary>
    private static readonly TimeSpan ShutTimeout = TimeSpan.FromSeconds(60);

    // Its own clean-up of one takes well below a second.
    private static readonly TimeSpan HalfStartedPatience = TimeSpan.FromSeconds(3);

    // A libvirtd that was restarted listens again after some tens of milliseconds.
    private static readonly TimeSpan PauseBeforeNextAttempt = TimeSpan.FromMilliseconds(100);

    // As long as a former owner's lease: until then the copy of it that a failover leaves is destroyed. Other refusals of libvirt's may be over soon as well.
    private static readonly TimeSpan DryStartPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PauseBeforeNextDryStart = TimeSpan.FromMilliseconds(500);

    private readonly string _uri;
    private readonly ILogger _logger;
    private readonly StandbyDomain _standby;
    private RecoveryProgress? _progress;
    private RecoveryAttempt? _attempt;

    /// <param name="uri">libvirt's address, qemu:///system.</param>
    /// <param name="logger">The sidecar's log.</param>
    public GuestStarter(string uri, ILogger logger)
    {
        _uri = uri;
        _logger = logger;
        _standby = new StandbyDomain(Prepare, logger);
    }

    /// <summary>How long a recovery goes on trying when libvirt fails. A libvirtd of many guests takes its time to start.</summary>
    public TimeSpan LibvirtPatience { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>See <see cref="Protocol.Configuration.BackupConfiguration.PrefetchBytesPerSecond"/>.</summary>
    public long? PrefetchBytesPerSecond { get; init; }

    /// <summary>The recovery in progress or the last one; null before the first, and when the guest is not to be started here any more.</summary>
    public RecoveryProgress? Progress => Volatile.Read(ref _progress);

    /// <summary>Whether the guest of the last recovery was let go, or perhaps was: then what it did is in no replica, and nobody else may start it from one.</summary>
    public bool GuestMayHaveRun => _attempt is { GuestHasRun: true };

    /// <summary>Creates the guest paused and destroys it again: whether this host has its disks, networks and devices. What fails is tried again for some seconds.</summary>
    public DryStartResult DryStart(string xml)
    {
        _standby.CancelAndWait();
        IncomingDomainXml domainXml = IncomingDomainXml.Parse(xml);
        for (long began = Stopwatch.GetTimestamp(); ; Thread.Sleep(PauseBeforeNextDryStart))
        {
            try
            {
                string? noLazyMemory = TryDryStart(domainXml);
                return new DryStartResult(true, noLazyMemory, noLazyMemory is null);
            }
            catch (Exception error) when (IsExpected(error))
            {
                if (Stopwatch.GetElapsedTime(began) > DryStartPatience)
                {
                    return new DryStartResult(false, error.Message, false);
                }
            }
        }
    }

    /// <summary>The primary is silent, and may have to be replaced: begins to create the domain. Does not wait. Any thread.</summary>
    public void StandBy(string xml) => _standby.Begin(xml);

    /// <summary>The primary spoke again: the domain is not needed. Any thread.</summary>
    public void StandDown()
    {
        Volatile.Write(ref _progress, null);
        _standby.Cancel();
    }

    /// <summary>Starts the guest from the store's checkpoint and returns when all its memory is there. Throws <see cref="RecoveryException"/>.</summary>
    /// <param name="xml">The primary's live XML of that checkpoint.</param>
    /// <param name="store">The replica; used by this call alone until it returns.</param>
    /// <param name="formerPrimary">The host that becomes the guest's backup in its definition.</param>
    /// <param name="beforeLoad">Called with the domain while its QEMU is still empty: to put the guest's disks in their place.</param>
    /// <param name="waits">Called with what keeps the recovery, which goes on trying, and with null when it goes on.</param>
    /// <param name="running">Called once, with the time from the beginning, when the guest runs. Its memory may still be on its way.</param>
    public void Recover(string xml, ReplicaStore store, string? formerPrimary, Action<Domain> beforeLoad, Action<string?> waits, Action<TimeSpan> running)
    {
        RecoveryProgress progress = new(_logger);
        Volatile.Write(ref _progress, progress);
        IncomingDomainXml domainXml = IncomingDomainXml.Parse(xml);
        RecoveryAttempt attempt = new(_logger, progress)
        {
            DomainXml = domainXml,
            Store = store,
            FormerPrimary = formerPrimary,
            Running = running,
            BeforeLoad = beforeLoad,
            ShutTimeout = ShutTimeout,
            Reconnect = () => Connection.Open(_uri),
            LibvirtPatience = LibvirtPatience,
            PrefetchBytesPerSecond = PrefetchBytesPerSecond,
        };
        _attempt = attempt;
        try
        {
            RunUntilLibvirtIsThere(attempt, xml, waits);
        }
        catch (Exception error) when (IsExpected(error) && error is not RecoveryException)
        {
            throw new RecoveryException(error.Message, error);
        }
    }

    /// <summary>
    /// Makes the recovered guest an ordinary one: the annotation is put back, now naming the former primary, so that it is protected
    /// again, and the guest's agent is told. Only after <see cref="Recover"/> returned, because its memory can be tracked only then.
    /// </summary>
    /// <param name="xml">The primary's live XML of the checkpoint.</param>
    /// <param name="formerPrimary">The host that becomes the backup.</param>
    /// <param name="generation">The claim under which the guest runs here.</param>
    /// <param name="handOver">Called just before the annotation is back: from then on the guest's own sidecar is on its way.</param>
    public void Settle(string xml, string? formerPrimary, long generation, Action handOver)
    {
        IncomingDomainXml domainXml = IncomingDomainXml.Parse(xml);
        using Connection connection = Connection.Open(_uri);
        using Domain domain = connection.FindByUuid(domainXml.Uuid)
            ?? throw new RecoveryException($"The recovered guest {domainXml.Name} is gone.");
        _logger.AgentTold(FailoverNotice.Send(domain, (ulong)generation) ? "told" : "not told, it does not answer");
        domain.SetMetadataElement(null, HikaeNamespaces.Prefix, HikaeNamespaces.Incoming, DomainAffect.Live);
        handOver();
        if (domainXml.Annotation(formerPrimary) is string annotation)
        {
            domain.SetMetadataElement(annotation, HikaeNamespaces.Prefix, HikaeNamespaces.Domain, DomainAffect.Live);
        }
    }

    public void Dispose() => _standby.Dispose();

    private void RunUntilLibvirtIsThere(RecoveryAttempt attempt, string xml, Action<string?> waits)
    {
        long started = Stopwatch.GetTimestamp();
        string? told = null;
        PreparedDomain? prepared = _standby.Take(xml);
        while (true)
        {
            try
            {
                prepared ??= Prepare(xml, hasWon: true);
                if (told is not null)
                {
                    told = null;
                    waits(null);
                }
                Run(attempt, prepared, xml);
                return;
            }
            catch (Exception error) when (
                error is LibvirtException or HalfStartedDomainException && !attempt.GuestHasRun && Stopwatch.GetElapsedTime(started) < LibvirtPatience)
            {
                // Whether it is libvirtd or the guest that libvirt does not like is not asked: trying again harms nothing.
                if (error.Message != told)
                {
                    told = error.Message;
                    _logger.RecoveryTriedAgain(told);
                    waits(told);
                }
                prepared = null;
                Thread.Sleep(PauseBeforeNextAttempt);
            }
        }
    }

    private void Run(RecoveryAttempt attempt, PreparedDomain prepared, string xml)
    {
        try
        {
            attempt.Run(prepared, lazyMemory: true);
        }
        catch (Exception error) when (IsExpected(error) && error is not LibvirtException && attempt is { UsedLazyMemory: true, GuestHasRun: false })
        {
            _logger.LazyMemoryFailed(error.Message);
            attempt.Run(Prepare(xml, hasWon: true), lazyMemory: false);
        }
    }

    private PreparedDomain Prepare(string xml) => Prepare(xml, hasWon: false);

    private PreparedDomain Prepare(string xml, bool hasWon)
    {
        IncomingDomainXml domainXml = IncomingDomainXml.Parse(xml);
        Connection connection = Connection.Open(_uri);
        try
        {
            RefuseIfTaken(connection, domainXml, hasWon);
            return new PreparedDomain(connection, IncomingDomain.Create(connection, domainXml, DomainCreateFlags.None), _logger);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    // Gives why it would have no lazy memory here; null: it would have it.
    private string? TryDryStart(IncomingDomainXml xml)
    {
        using Connection connection = Connection.Open(_uri);
        RefuseIfTaken(connection, xml);
        // AutoDestroy: should this process die now, libvirt ends the domain.
        using IncomingDomain incoming = IncomingDomain.Create(connection, xml, DomainCreateFlags.AutoDestroy);
        try
        {
            return incoming.TryEnableLazyMemory();
        }
        finally
        {
            incoming.Domain.Destroy();
        }
    }

    private static bool IsExpected(Exception error) => error is
        RecoveryException or LibvirtException or HalfStartedDomainException or QemuMonitorException or MigrationStreamException or DamagedPageException or IOException or SocketException;

    // A libvirtd that has just come back is given the time to end what the one before it had half-started.
    private static Domain? FindStarted(Connection connection, string uuid)
    {
        for (long began = Stopwatch.GetTimestamp(); ; Thread.Sleep(PauseBeforeNextAttempt))
        {
            Domain? domain = connection.FindByUuid(uuid);
            if (domain is null || domain.Id < 0 || !IncomingDomain.IsHalfStarted(domain) || !IncomingMarker.IsIn(domain.GetXml(DomainXmlFlags.None)))
            {
                return domain;
            }
            if (Stopwatch.GetElapsedTime(began) > HalfStartedPatience)
            {
                return QemuProcess.IsAnyOf(uuid) ? domain : throw new HalfStartedDomainException(domain.Name);
            }
            domain.Dispose();
        }
    }

    /// <param name="hasWon">
    /// The guest is this host's and runs nowhere: a marked domain that does not run is left of an earlier attempt, however much of its stream it has loaded and whatever
    /// libvirt, which may just be ending it, says of it.
    /// </param>
    private void RefuseIfTaken(Connection connection, IncomingDomainXml xml, bool hasWon = false)
    {
        using Domain? same = FindStarted(connection, xml.Uuid);
        if (same is not null && same.Id >= 0)
        {
            bool isMarked = IncomingMarker.IsIn(same.GetXml(DomainXmlFlags.None));
            if (!isMarked || !(hasWon ? same.GetState().State is not DomainState.Running : IncomingDomain.IsWaitingForStream(same)))
            {
                throw new RecoveryException($"A guest with UUID {xml.Uuid} is active on this host, under the name \"{same.Name}\".");
            }
            // A sidecar that died half-way leaves such a domain, or a libvirtd that did when it was to be destroyed: it never ran and never will.
            _logger.LeftoverDestroyed();
            same.Destroy();
        }
        using Domain? namesake = connection.FindByName(xml.Name);
        if (namesake is not null && namesake.Uuid != xml.Uuid)
        {
            throw new RecoveryException($"The name \"{xml.Name}\" belongs to another guest on this host, {namesake.Uuid}.");
        }
    }
}
