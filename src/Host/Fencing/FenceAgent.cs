// SPDX-License-Identifier: LGPL-2.1-or-later
using System.ComponentModel;
using System.Diagnostics;
using Hikae.Native.Linux.Systemd;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Logging;

namespace Hikae.Host.Fencing;

/// <summary>Cuts other hosts' power by a program with the calling convention of Pacemaker's fence agents.</summary>
/// <remarks>
/// The program reads KEY=VALUE lines from its standard input, action=off among them, and ends with 0 when the host is off: not when it was told to go off.
/// It runs in hikaed and not in a sidecar, because one host has many guests: whoever asks while it runs gets the same answer. What was
/// answered is not kept, as the host may have been switched on again since.
/// </remarks>
internal sealed class FenceAgent(FenceConfiguration configuration, TimeProvider clock, ILogger logger)
{
    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly Dictionary<string, Task<Result>> _running = new(StringComparer.Ordinal);

    /// <summary>Never throws; false answers say why.</summary>
    public Task<Result> FenceAsync(string host)
    {
        if (configuration.Command is not string command)
        {
            return Task.FromResult(new Result(false, "no fence command is configured"));
        }
        // Each option is a line: a name with a line's end in it would be two.
        if (host.Length is 0 or > ControlLimits.MaxNameLength || !host.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_'))
        {
            return Task.FromResult(new Result(false, "that is no name of a host"));
        }
        lock (_gate)
        {
            if (!_running.TryGetValue(host, out Task<Result>? running))
            {
                running = Task.Run(() => RunAsync(command, host));
                _running.Add(host, running);
            }
            return running;
        }
    }

    private async Task<Result> RunAsync(string command, string host)
    {
        logger.FenceBegins(host, command);
        Result result;
        try
        {
            result = await CallAsync(command, host).ConfigureAwait(false);
        }
        catch (Exception error) when (error is Win32Exception or IOException or InvalidOperationException)
        {
            result = new Result(false, $"{command}: {error.Message}");
        }
        lock (_gate)
        {
            _running.Remove(host);
        }
        if (result.Ok)
        {
            logger.Fenced(host);
        }
        else
        {
            logger.FenceFailed(host, result.Message);
        }
        return result;
    }

    private async Task<Result> CallAsync(string command, string host)
    {
        // Its output is ours: what it says stands in our log.
        var start = new ProcessStartInfo(command) { WorkingDirectory = "/", RedirectStandardInput = true };
        start.Environment.Remove(ServiceNotification.Variable);
        using Process agent = Process.Start(start) ?? throw new InvalidOperationException("it did not start");
        using var limit = new CancellationTokenSource(configuration.Timeout, clock);
        try
        {
            IEnumerable<string> options = configuration.Options.Select(option => option.Replace("{host}", host, StringComparison.Ordinal));
            string lines = string.Join('\n', ["action=off", $"port={host}", $"plug={host}", $"nodename={host}", .. options, ""]);
            await WriteAsync(agent, lines, limit.Token).ConfigureAwait(false);
            await agent.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            return agent.ExitCode == 0
                ? new Result(true, $"{host} is off")
                : new Result(false, $"{command} ended with status {agent.ExitCode}");
        }
        catch (OperationCanceledException)
        {
            agent.Kill(entireProcessTree: true);
            return new Result(false, $"{command} did not end within {configuration.Timeout.TotalMilliseconds:0} ms");
        }
    }

    private static async Task WriteAsync(Process agent, string lines, CancellationToken cancellationToken)
    {
        try
        {
            await agent.StandardInput.WriteAsync(lines.AsMemory(), cancellationToken).ConfigureAwait(false);
            agent.StandardInput.Close();
        }
        catch (IOException)
        {
            // It reads no options; its status counts all the same.
        }
    }
}
