// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Hikae.Native.Linux.Systemd;

/// <summary>Writes the log into systemd's journal, with fields that it can be asked for: <c>journalctl HIKAE_GUEST=web</c>.</summary>
/// <remarks>
/// No line is waited for. One that the journal does not take because it is full is counted, and the next that it takes says so. Where the journal cannot be
/// had, or refuses an entry, the line goes to standard error, with its priority as sd-daemon(3) has it.
/// </remarks>
public sealed class JournalLoggerProvider : ILoggerProvider
{
    private const string SocketPath = "/run/systemd/journal/socket";

    private readonly string _identifier;
    private readonly Func<JournalOrigin> _origin;
    private readonly JournalSocket _socket;
    private readonly TextWriter _fallback;
    private readonly KnownGuests _guests = new();

    // any thread, interlocked
    private long _lost;

    /// <param name="identifier">SYSLOG_IDENTIFIER: the program's name.</param>
    /// <param name="origin">Of which guest a line is that does not say so itself. Asked for each line, on the thread that logs: must not wait.</param>
    public JournalLoggerProvider(string identifier, Func<JournalOrigin> origin)
        : this(identifier, origin, SocketPath, Console.Error)
    {
    }

    internal JournalLoggerProvider(string identifier, Func<JournalOrigin> origin, string socketPath, TextWriter fallback)
    {
        _identifier = identifier;
        _origin = origin;
        _socket = new JournalSocket(socketPath);
        _fallback = fallback;
    }

    public ILogger CreateLogger(string categoryName) => new JournalLogger(this);

    public void Dispose() => _socket.Dispose();

    private void Write(LogLevel level, EventId id, JournalOrigin said, string message)
    {
        JournalOrigin known = _origin();
        Guid? uuid = said.Uuid ?? known.Uuid;
        ulong epoch = said.Epoch > 0 ? said.Epoch : known.Epoch;
        var entry = new JournalEntry();
        entry.Add("MESSAGE", message, JournalEntry.MessageLimit);
        entry.Add("PRIORITY", PriorityOf(level));
        entry.Add("SYSLOG_IDENTIFIER", _identifier);
        entry.Add("HIKAE_GUEST", _guests.Name(said.Guest ?? known.Guest, uuid));
        entry.Add("HIKAE_UUID", uuid?.ToString());
        entry.Add("HIKAE_ROLE", said.Role ?? known.Role);
        entry.Add("HIKAE_EPOCH", epoch > 0 ? FormattableString.Invariant($"{epoch}") : null);
        entry.Add("HIKAE_EVENT", FormattableString.Invariant($"{id.Id}"));
        Send(entry.Bytes, level, message);
    }

    private void Send(ReadOnlySpan<byte> entry, LogLevel level, string message)
    {
        switch (_socket.Send(entry))
        {
            case SocketError.Success:
                TellOfLost();
                break;
            case SocketError.WouldBlock or SocketError.NoBufferSpaceAvailable:
                Interlocked.Increment(ref _lost);
                break;
            default:
                _fallback.WriteLine($"<{PriorityOf(level)}>{message.ReplaceLineEndings(" ")}");
                break;
        }
    }

    private void TellOfLost()
    {
        long lost = Interlocked.Exchange(ref _lost, 0);
        if (lost == 0)
        {
            return;
        }
        var entry = new JournalEntry();
        entry.Add("MESSAGE", FormattableString.Invariant($"The journal was full: {lost} earlier lines are lost"));
        entry.Add("PRIORITY", PriorityOf(LogLevel.Warning));
        entry.Add("SYSLOG_IDENTIFIER", _identifier);
        if (_socket.Send(entry.Bytes) != SocketError.Success)
        {
            Interlocked.Add(ref _lost, lost);
        }
    }

    // syslog(3).
    private static string PriorityOf(LogLevel level) => level switch
    {
        LogLevel.Critical => "2",
        LogLevel.Error => "3",
        LogLevel.Warning => "4",
        LogLevel.Information => "6",
        _ => "7",
    };

    private sealed class JournalLogger(JournalLoggerProvider provider) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
            {
                return;
            }
            string message = formatter(state, exception);
            provider.Write(logLevel, eventId, StatedOrigin.Of(state), exception is null ? message : $"{message}\n{exception}");
        }
    }
}
