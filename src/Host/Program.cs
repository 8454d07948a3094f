// SPDX-License-Identifier: LGPL-2.1-or-later
using System.CommandLine;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Hikae.Native.Linux;
using Hikae.Native.Linux.Systemd;
using Hikae.Protocol.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Hikae.Host;

internal static class Program
{
    // sysexits.h; the unit does not restart after a configuration error.
    private const int EX_CONFIG = 78;
    private const int Failure = 1;

    private static Task<int> Main(string[] arguments) => Build().Parse(arguments).InvokeAsync();

    internal static RootCommand Build()
    {
        var config = new Option<string?>("--config") { Description = $"Configuration file (default: {HikaeConfiguration.DefaultPath}, which may be absent)" };
        var runDirectory = new Option<string>("--run-dir")
        {
            Description = "Directory of the control socket and of the sidecars' markers",
            DefaultValueFactory = _ => HostOptions.DefaultRunDirectory,
        };
        var connect = new Option<string>("--connect") { Description = "libvirt to watch", DefaultValueFactory = _ => HostOptions.DefaultLibvirtUri };
        var sidecar = new Option<string>("--sidecar")
        {
            Description = "Sidecar program, used where no systemd runs",
            DefaultValueFactory = _ => HostOptions.DefaultSidecar,
        };
        var foreground = new Option<bool>("--foreground") { Description = "Stay in the foreground (always so; accepted for init scripts)" };
        var command = new RootCommand("Hands replication links to the sidecars of this host and keeps them running.")
        {
            config, runDirectory, connect, sidecar, foreground,
        };
        command.SetAction((parsed, cancellationToken) => RunAsync(
            new HostOptions
            {
                ConfigPath = parsed.GetValue(config),
                RunDirectory = Path.GetFullPath(parsed.GetValue(runDirectory)!),
                LibvirtUri = parsed.GetValue(connect)!,
                Sidecar = Path.GetFullPath(parsed.GetValue(sidecar)!),
            },
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(HostOptions options, CancellationToken cancellationToken)
    {
        using ILoggerFactory loggers = LoggerFactory.Create(Configure);
        ILogger logger = loggers.CreateLogger("hikaed");
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        string? notify = Environment.GetEnvironmentVariable(ServiceNotification.Variable);
        try
        {
            var daemon = new HostDaemon(options, ReadConfiguration(options), new BootTimeProvider(), logger);
            await daemon.RunAsync(Ready, ending.Token).ConfigureAwait(false);
            return Failure;
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            Notify("STOPPING=1");
            return 0;
        }
        catch (ConfigurationException error)
        {
            await Console.Error.WriteLineAsync($"hikaed: {error.Message}").ConfigureAwait(false);
            return EX_CONFIG;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or SocketException or FormatException)
        {
            await Console.Error.WriteLineAsync($"hikaed: {error.Message}").ConfigureAwait(false);
            return Failure;
        }

        void End(PosixSignalContext signal)
        {
            signal.Cancel = true;
            ending.Cancel();
        }

        void Ready()
        {
            Notify("READY=1");
            if (Watchdog.Interval(Environment.GetEnvironmentVariable(Watchdog.Variable)) is TimeSpan interval)
            {
                _ = Watchdog.RunAsync(interval, Notify, TimeProvider.System, ending.Token);
            }
        }

        void Notify(string state)
        {
            try
            {
                ServiceNotification.Send(state, notify);
            }
            catch (SocketException error)
            {
                logger.NotifyFailed(error.Message);
            }
        }
    }

    private static HikaeConfiguration ReadConfiguration(HostOptions options)
    {
        string path = options.ConfigPath ?? HikaeConfiguration.DefaultPath;
        string text = options.ConfigPath is null && !File.Exists(path) ? "" : File.ReadAllText(path);
        return HikaeConfiguration.Parse(text, path);
    }

    private static void Configure(ILoggingBuilder builder)
    {
        if (JournalStream.IsStandardError(Environment.GetEnvironmentVariable(JournalStream.Variable)))
        {
            builder.AddProvider(new JournalLoggerProvider("hikaed", static () => JournalOrigin.None));
        }
        else
        {
            builder.AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.TimestampFormat = "yyyy-MM-dd HH:mm:ss ";
                console.ColorBehavior = LoggerColorBehavior.Disabled;
            });
        }
        builder.SetMinimumLevel(LogLevel.Information);
    }
}
