// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net;
using System.Net.Sockets;
using Hikae.Host.Control;
using Hikae.Host.Disks;
using Hikae.Host.Domains;
using Hikae.Host.Fencing;
using Hikae.Host.Links;
using Hikae.Host.Metrics;
using Hikae.Host.Room;
using Hikae.Host.Sidecars;
using Hikae.Native.Linux;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Ownership;
using Microsoft.Extensions.Logging;

namespace Hikae.Host;

/// <summary>hikaed: its parts, put together and run until it is told to end.</summary>
/// <remarks>
/// It holds no guest's state. Killed at any moment it loses only what sidecars say again when they reconnect: every statement about a
/// guest is a sidecar's, every decision is the arbiter's.
/// </remarks>
internal sealed class HostDaemon(HostOptions options, HikaeConfiguration configuration, TimeProvider clock, ILogger logger)
{
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LockInterval = TimeSpan.FromMilliseconds(50);

    private static readonly string Version = typeof(HostDaemon).Assembly.GetName().Version!.ToString(3);

    private MetricsServer? _metrics;

    /// <summary>Where links are accepted, once <see cref="RunAsync"/> has called back. Port 0 in the configuration takes any.</summary>
    public IPEndPoint? LinkEndPoint { get; private set; }

    /// <summary>Where metrics are answered, if they are.</summary>
    public IPEndPoint? MetricsEndPoint => _metrics?.EndPoint;

    /// <summary>For tests: how sidecars are started, when not as this host does.</summary>
    public ISidecarLauncher? Launcher { get; init; }

    /// <exception cref="IOException">The run directory cannot be used, or another hikaed uses it.</exception>
    /// <exception cref="SocketException">An address is taken or is not ours.</exception>
    public async Task RunAsync(Action ready, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(options.RunDirectory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using FileStream only = await LockAsync(cancellationToken).ConfigureAwait(false);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using Socket control = ControlServer.Listen(options.ControlSocket);
        using Socket links = LinkListener.Listen(IPAddress.Parse(configuration.Link.Listen), configuration.Link.Port);
        LinkEndPoint = (IPEndPoint)links.LocalEndPoint!;

        var registry = new SidecarRegistry(clock);
        var ownership = new LoneOwnership(Arbiter(), configuration.HostName, logger);
        ISidecarLauncher launcher = Launcher ?? (Directory.Exists(SystemdLauncher.BootedMarker) ? new SystemdLauncher() : new DetachedLauncher(options));
        var start = new SidecarStart(launcher, options.RunDirectory);
        var guard = new StartGuard(registry, start, ownership, clock, logger);
        var supervisor = new SidecarSupervisor(registry, start, ownership, clock, logger, ending.Token);
        var watcher = new DomainWatcher(options.LibvirtUri, registry, supervisor, clock, logger);
        supervisor.ProtectionEnded += watcher.LookAgain;
        supervisor.BackupDied += watcher.LookAgain;
        supervisor.IsWanted = watcher.WantsSidecar;
        guard.DrainWanted += guest => supervisor.Ensure(guest, TimeSpan.Zero);
        var budget = new ReplicaBudget(registry, configuration.Backup, configuration.HostName, clock, logger);
        var recoveries = new RecoveryQueue(
            registry, new GuestRoom(budget, new RunningGuests(options.LibvirtState), configuration.Backup), configuration, clock, logger);
        using var disks = new DiskSockets();
        List<Task> parts =
        [
            new ControlServer(control, registry, supervisor, guard, new FenceAgent(configuration.Fence, clock, logger), disks, budget, recoveries, clock, logger).RunAsync(ending.Token),
            new LinkListener(links, registry, supervisor, clock, logger).RunAsync(ending.Token),
            // libvirt's calls wait, so they are kept off the thread that starts the rest.
            Task.Run(() => watcher.RunAsync(ending.Token), ending.Token),
        ];
        if (configuration.Metrics.Listen is IPEndPoint listen)
        {
            _metrics = new MetricsServer(
                listen,
                () => MetricsText.Write(
                    MetricFamilies.All,
                    new HostFigures(configuration.HostName, Version, watcher.IsConnected, registry.Failovers, registry.Deaths, HostMemory.Read(), registry.Statuses())
                    {
                        ReplicaBytes = budget.KeptBytes,
                        ReplicaBudgetBytes = budget.BudgetBytes,
                    }),
                clock,
                logger);
            parts.Add(_metrics.RunAsync(ending.Token));
        }
        logger.Ready(configuration.Link.Listen, LinkEndPoint.Port, options.ControlSocket);
        foreach (Guid guest in start.Takeovers())
        {
            supervisor.TakeUp(guest);
        }
        ready();

        Task ended = await Task.WhenAny(parts).ConfigureAwait(false);
        if (!cancellationToken.IsCancellationRequested && ended.Exception is AggregateException cause)
        {
            logger.PartFailed(cause.InnerException!);
        }
        await ending.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(parts).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).ConfigureAwait(false);
        logger.Ending();
        cancellationToken.ThrowIfCancellationRequested();
        await ended.ConfigureAwait(false);
    }

    /// <summary>Takes the run directory for this process. A predecessor that was killed a moment ago may still be on its way out.</summary>
    private async Task<FileStream> LockAsync(CancellationToken cancellationToken)
    {
        long started = clock.GetTimestamp();
        while (true)
        {
            try
            {
                // FileShare.None is flock(2) here: it ends with the process, however that ends.
                return new FileStream(Path.Combine(options.RunDirectory, "hikaed.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (clock.GetElapsedTime(started) < LockPatience)
            {
                await Task.Delay(LockInterval, clock, cancellationToken).ConfigureAwait(false);
            }
            catch (IOException error)
            {
                throw new IOException($"{options.RunDirectory} is in use by another hikaed, or cannot be used: {error.Message}", error);
            }
        }
    }

    private IArbiter? Arbiter()
    {
        IArbiter? arbiter = ArbiterFactory.Open(configuration.Arbiter, DirectorySync.Flush);
        if (arbiter is null)
        {
            logger.NoArbiter();
        }
        return arbiter;
    }
}
