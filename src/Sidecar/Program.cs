// SPDX-License-Identifier: LGPL-2.1-or-later
using System.CommandLine;
using System.Reflection;
using System.Runtime.InteropServices;
using Hikae.Native.Libvirt;
using Hikae.Native.Linux.Systemd;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Control;
using Hikae.Protocol.Ownership;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Content;
using Hikae.Sidecar.Disk.Graph;
using Hikae.Sidecar.Disk.Primary;
using Hikae.Sidecar.Classify;
using Hikae.Sidecar.Recovery;
using Hikae.Sidecar.Recovery.Interrupted;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>hikae-sidecar: one process per guest and host. See hikae-sidecar(8).</summary>
internal static class Program
{
    private const int ConfigurationError = 2;
    private const int GuestNotFound = 3;

    private static int Main(string[] arguments) => Build().Parse(arguments).Invoke();

    internal static RootCommand Build()
    {
        var role = new Option<GuestRole>("--role") { Description = "what this host is to the guest: primary or backup", Required = true };
        var uuid = new Option<Guid>("--uuid") { Description = "the guest's UUID", Required = true };
        var config = new Option<string>("--config") { Description = "configuration file", DefaultValueFactory = _ => HikaeConfiguration.DefaultPath };
        var runDirectory = new Option<string>("--run-dir") { Description = "directory of the control socket and state files", DefaultValueFactory = _ => "/run/hikae" };
        var uri = new Option<string>("--connect") { Description = "libvirt's URI", DefaultValueFactory = _ => "qemu:///system" };
        var libvirtState = new Option<string>("--libvirt-state") { Description = "where libvirt keeps its pid files", DefaultValueFactory = _ => "/run/libvirt/qemu" };
        var command = new RootCommand("Replicates one guest to its backup host, or holds its replica. Started by libvirt's hook and by hikaed.")
        {
            role, uuid, config, runDirectory, uri, libvirtState,
        };
        command.SetAction(parsed => Start(
            parsed.GetValue(role),
            parsed.GetValue(uuid),
            parsed.GetValue(config)!,
            parsed.GetValue(runDirectory)!,
            parsed.GetValue(uri)!,
            parsed.GetValue(libvirtState)!));
        command.Add(BuildProbe(config));
        command.Add(Disk.ServeCommand.Build());
        return command;
    }

    private static Command BuildProbe(Option<string> config)
    {
        var peer = new Argument<string>("HOST") { Description = "HOST or HOST:PORT" };
        var probe = new Command("probe", "Tries whether this host and another trust each other; asked by hikae doctor.") { peer, config };
        probe.SetAction(parsed =>
        {
            if (!HostAddress.TryParse(parsed.GetValue(peer)!, out HostAddress? address))
            {
                Console.Error.WriteLine($"hikae-sidecar: \"{parsed.GetValue(peer)}\" is no host; use HOST or HOST:PORT");
                return ConfigurationError;
            }
            return ReadConfiguration(parsed.GetValue(config)!) is { } configuration
                ? PeerProbe.Run(address, configuration, Console.Out)
                : ConfigurationError;
        });
        return probe;
    }

    private static HikaeConfiguration? ReadConfiguration(string path)
    {
        try
        {
            return HikaeConfiguration.Parse(File.Exists(path) ? File.ReadAllText(path) : string.Empty, path);
        }
        catch (ConfigurationException error)
        {
            Console.Error.WriteLine($"hikae-sidecar: {error.Message}");
            return null;
        }
    }

    private static int Start(GuestRole role, Guid guest, string configPath, string runDirectory, string uri, string libvirtState)
    {
        if (ReadConfiguration(configPath) is not { } configuration)
        {
            return ConfigurationError;
        }

        var options = new SidecarOptions(role, guest, configuration, runDirectory, uri, libvirtState);
        using var logging = new SidecarLogging(options.Guest, role);
        ILogger logger = logging.Logger;
        logger.Started(Environment.ProcessId, Assembly.GetExecutingAssembly().GetName().Version?.ToString(3) ?? "?");
        BeatFor(logger);
        LibvirtEventLoop.Start();
        return role is GuestRole.Primary ? RunPrimary(options, logging) : RunBackup(options, logging);
    }

    /// <summary>For as long as the process lives, whatever the guest, libvirt or the storage do.</summary>
    private static void BeatFor(ILogger logger)
    {
        if (Watchdog.Interval(Environment.GetEnvironmentVariable(Watchdog.Variable)) is not TimeSpan interval)
        {
            return;
        }
        string? manager = Environment.GetEnvironmentVariable(ServiceNotification.Variable);
        _ = Watchdog.RunAsync(interval, Beat, TimeProvider.System, CancellationToken.None);

        void Beat(string state)
        {
            try
            {
                ServiceNotification.Send(state, manager);
            }
            catch (Exception error)
            {
                // The next beat must come all the same, or the process would be ended for it.
                logger.NotifyFailed(error.Message);
            }
        }
    }

    private static int RunPrimary(SidecarOptions options, SidecarLogging logging)
    {
        ILogger logger = logging.Logger;
        using SidecarLock? single = SidecarLock.Take(options.RunFile("lock"));
        if (single is null)
        {
            logger.Ending("another sidecar of this guest runs");
            return 0;
        }
        File.WriteAllText(options.RunFile("pid"), $"{Environment.ProcessId}\n");
        File.Delete(options.RunFile("released"));

        // Before libvirt is asked: it may be starting the guest, and wait for us, through its hook.
        LeftoverDisks.Settle(options, NewOwnership(options), logger);
        using ContentIndex? content = options.Configuration.Soft.OnDisk is OnDiskPages.No ? null : new ContentIndex(options.Configuration.Soft.IndexBytes);
        using var served = new GuestDisks(options, logger, content);
        if (QemuProcess.IsAnyOf(options.Uuid))
        {
            served.ServeRemembered();
        }
        using var connection = new GuestConnection(options.LibvirtUri, options.Uuid);
        using QemuProcess? process = FindProcess(options, connection, logger);
        if (process is null)
        {
            File.Delete(options.RunFile("pid"));
            return GuestNotFound;
        }
        if (IsIncoming(connection))
        {
            // The backup's sidecar is bringing it here, or was. Its disks' buffers and notes must not be touched by a second process.
            AbandonedDomain.End(options, connection, logger);
            File.Delete(options.RunFile("pid"));
            return GuestNotFound;
        }
        using var agent = new GuestAgent(connection, logger);
        using var guest = new PrimaryGuest(options, connection, process, agent, logger) { Disks = served };
        GuestOwnership ownership = NewOwnership(options);
        using var death = new KernelDeathTimer();
        using var lease = new LeaseKeeper(ownership, guest.Marker.OwnedGeneration(process.Pid) > 0, new Native.Linux.BootTimeProvider(), death, logger) { Gate = guest.Gate };
        guest.Lease = lease;
        using var daemon = new DaemonClient(options.ControlSocket, NewRegistration(options, guest.Name), logger);
        using var status = new StatusBoard(FirstStatus(options, guest.Name, GuestState.Starting), daemon, TimeProvider.System, logger);
        logging.Follow(status);
        using var metadata = new MetadataStatus(connection, process, new DomainTitle(connection, options.Configuration.ShowInTitle), status, logger);
        using var sidecar = new PrimarySidecar(guest, ownership, daemon, status, logger);
        using var watcher = new GuestWatcher(connection, options.Uuid, sidecar, logger);
        using var disks = new DiskWatcher(connection, guest.Monitor, sidecar, guest.Standstills, logger);
        using PosixSignalRegistration terminate = OnTerminate(sidecar.Terminate);
        daemon.Start();
        lease.Start();
        int result = sidecar.Run();
        File.Delete(options.RunFile("pid"));
        if (process.HasExited)
        {
            // What it says is about this run of the guest only.
            File.Delete(options.RunFile("state"));
            File.Delete(options.RunFile("gates"));
        }
        return result;
    }

    private static int RunBackup(SidecarOptions options, SidecarLogging logging)
    {
        ILogger logger = logging.Logger;
        // A process that stands still may hold an older replica of the guest, and would claim it when it goes on.
        using SidecarLock? single = SidecarLock.Take(options.RunFile("backup.lock"));
        if (single is null)
        {
            logger.Ending("another sidecar of this host holds a replica of the guest");
            return 0;
        }
        using var daemon = new DaemonClient(options.ControlSocket, NewRegistration(options, options.Uuid), logger);
        TakeoverNote? interrupted = TakeoverNote.Read(options);
        GuestState state = interrupted is null ? GuestState.Receiving : GuestState.Recovered;
        using var status = new StatusBoard(FirstStatus(options, options.Uuid, state), daemon, TimeProvider.System, logger);
        logging.Follow(status);
        using var starter = new GuestStarter(options.LibvirtUri, logger) { PrefetchBytesPerSecond = options.Configuration.Backup.PrefetchBytesPerSecond };
        using var sidecar = new BackupSidecar(options, NewOwnership(options), starter, daemon, status, logger) { Interrupted = interrupted };
        using PosixSignalRegistration terminate = OnTerminate(sidecar.Stop);
        daemon.Start();
        return sidecar.Run();
    }

    private static QemuProcess? FindProcess(SidecarOptions options, GuestConnection connection, ILogger logger)
    {
        try
        {
            LibvirtWait.UntilItAnswers(connection, options, FirstStatus(options, options.Uuid, GuestState.Starting), logger);
            return QemuProcess.Find(options.LibvirtStateDirectory, connection.Domain.Name, options.Uuid);
        }
        catch (Exception error) when (error is NotProtectableException or LibvirtException or IOException or InvalidOperationException or FormatException or Native.Linux.LinuxException)
        {
            logger.Ending($"the guest does not run here: {error.Message}");
            return null;
        }
    }

    private static bool IsIncoming(GuestConnection connection)
    {
        try
        {
            return IncomingMarker.IsIn(connection.Domain.GetXml(DomainXmlFlags.None));
        }
        catch (LibvirtException)
        {
            // libvirtd is away: whatever asks it later says so.
            return false;
        }
    }

    private static GuestOwnership NewOwnership(SidecarOptions options)
    {
        ArbiterConfiguration arbiter = options.Configuration.Arbiter;
        IArbiter claims = ArbiterFactory.Open(arbiter, Native.Linux.DirectorySync.Flush) ?? new NoArbiter();
        return new GuestOwnership(claims, options.Guest, options.Configuration.HostName, arbiter.Lease);
    }

    private static Register NewRegistration(SidecarOptions options, string name) => new(options.Guest, name, options.Role, Environment.ProcessId);

    private static GuestStatus FirstStatus(SidecarOptions options, string name, GuestState state) => new()
    {
        Guest = name,
        Uuid = options.Guest,
        Role = options.Role,
        State = state,
        Host = options.Configuration.HostName,
        UpdatedAt = TimeProvider.System.GetUtcNow(),
    };

    private static PosixSignalRegistration OnTerminate(Action stop) => PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
    {
        context.Cancel = true;
        stop();
    });
}
