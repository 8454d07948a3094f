// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Hikae.Protocol.Control;
using Hikae.Sidecar.Capture;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>A sidecar that starts while libvirtd is away, as after a crash of both: the guest runs on with its disks served, and everything else waits.</summary>
internal static class LibvirtWait
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(500);

    /// <summary>Returns when libvirt has answered, or throws what it says of a guest whose QEMU has ended. The daemon is told meanwhile.</summary>
    /// <param name="connection">The guest's.</param>
    /// <param name="options">The sidecar's.</param>
    /// <param name="status">What is shown while libvirt is away; the guest's name is not known then.</param>
    /// <param name="logger">The sidecar's log.</param>
    public static void UntilItAnswers(GuestConnection connection, SidecarOptions options, GuestStatus status, ILogger logger)
    {
        if (Ask(connection, options) is not string trouble)
        {
            return;
        }
        using var daemon = new DaemonClient(options.ControlSocket, new Register(options.Guest, options.Uuid, options.Role, Environment.ProcessId), logger);
        using var board = new StatusBoard(status, daemon, TimeProvider.System, logger);
        board.Set(GuestState.Unprotected, $"libvirt does not answer, the guest's disks are served meanwhile: {trouble}");
        daemon.Start();
        try
        {
            do
            {
                Thread.Sleep(Retry);
            }
            while (Ask(connection, options) is not null);
        }
        catch
        {
            // There is no guest any more, and no sidecar to succeed this one.
            daemon.SayGoodbye();
            throw;
        }
    }

    private static string? Ask(GuestConnection connection, SidecarOptions options)
    {
        try
        {
            _ = connection.Domain.Name;
            return null;
        }
        catch (LibvirtException error) when (QemuProcess.IsAnyOf(options.Uuid))
        {
            return error.Message;
        }
    }
}
