// SPDX-License-Identifier: LGPL-2.1-or-later
using System.ComponentModel;
using System.Diagnostics;
using Hikae.Native.Linux.Systemd;

namespace Hikae.Host.Sidecars;

/// <summary>Runs a short command that starts a sidecar and returns; its words are never read by a shell.</summary>
internal static class LaunchCommand
{
    /// <summary>A systemctl that waits for a manager that hangs must not hold us.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static async Task RunAsync(string program, IEnumerable<string> words, CancellationToken cancellationToken)
    {
        // Output is not redirected: a sidecar that inherited our end of a pipe would keep it open for ever.
        var start = new ProcessStartInfo(program, words) { WorkingDirectory = "/" };
        start.Environment.Remove(ServiceNotification.Variable);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        try
        {
            using Process process = Process.Start(start) ?? throw new SidecarStartException($"{program} did not start");
            await process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            if (process.ExitCode != 0)
            {
                throw new SidecarStartException($"{program} failed with exit status {process.ExitCode}");
            }
        }
        catch (Win32Exception error)
        {
            throw new SidecarStartException($"{program}: {error.Message}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new SidecarStartException($"{program} did not return within {Limit.TotalSeconds} s");
        }
    }
}
