// SPDX-License-Identifier: LGPL-2.1-or-later
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>Ends a guest that another host may run: by libvirt if it answers, else by its process.</summary>
internal static class GuestDestroyer
{
    // libvirtd may hang; two running copies of a guest are worse than an unclean end of one.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Returns when the guest's QEMU is gone, or about to be.</summary>
    public static void Destroy(PrimaryGuest guest, ILogger logger)
    {
        if (guest.Process.HasExited)
        {
            // What libvirt knows by that name now is another run of the guest.
            return;
        }
        using var destroyed = new ManualResetEventSlim();
        new Thread(() => ByLibvirt(guest, destroyed, logger)) { IsBackground = true, Name = "destroy" }.Start();
        if (destroyed.Wait(Patience) && guest.Process.WaitForExit(Patience))
        {
            return;
        }
        try
        {
            guest.Process.Kill();
            guest.Process.WaitForExit(Patience);
        }
        catch (Native.Linux.LinuxException error)
        {
            logger.Unexpected(error.Message, error);
        }
    }

    private static void ByLibvirt(PrimaryGuest guest, ManualResetEventSlim destroyed, ILogger logger)
    {
        try
        {
            guest.Connection.Domain.Destroy();
            destroyed.Set();
        }
        catch (Exception error)
        {
            // Too late, or without libvirt: then the process itself is ended.
            logger.Unexpected(error.Message, error);
        }
    }
}
