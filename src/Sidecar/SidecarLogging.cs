// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux.Systemd;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Hikae.Sidecar;

/// <summary>Where the sidecar's log goes: into the journal with the guest's fields when a service manager started it, else to standard error.</summary>
internal sealed class SidecarLogging : IDisposable
{
    private const string Program = "hikae-sidecar";

    private readonly Guid _guest;
    private readonly GuestRole _role;
    private readonly ILoggerFactory _loggers;
    private readonly IDisposable? _scope;

    // set once, read by any thread
    private volatile StatusBoard? _board;

    public SidecarLogging(Guid guest, GuestRole role)
    {
        _guest = guest;
        _role = role;
        _loggers = LoggerFactory.Create(Configure);
        Logger = _loggers.CreateLogger(Program);
        _scope = SidecarLog.Scope(Logger, guest, role);
    }

    public ILogger Logger { get; }

    /// <summary>From now on lines carry the guest's name and epoch too, as last published: up to a second old.</summary>
    public void Follow(StatusBoard board) => _board = board;

    public void Dispose()
    {
        _scope?.Dispose();
        _loggers.Dispose();
    }

    private void Configure(ILoggingBuilder builder)
    {
        builder.SetMinimumLevel(LogLevel.Information);
        if (JournalStream.IsStandardError(Environment.GetEnvironmentVariable(JournalStream.Variable)))
        {
            builder.AddProvider(new JournalLoggerProvider(Program, Origin));
            return;
        }
        builder.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.IncludeScopes = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffzzz ";
            console.ColorBehavior = LoggerColorBehavior.Disabled;
        });
    }

    private JournalOrigin Origin()
    {
        GuestStatus? status = _board?.Latest;
        string uuid = _guest.ToString();
        // Until the name is known, the UUID stands where it is shown.
        return new JournalOrigin(status?.Guest == uuid ? null : status?.Guest, _guest, _role.ToString().ToLowerInvariant(), status?.Epoch ?? 0);
    }
}
