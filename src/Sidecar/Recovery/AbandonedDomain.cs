// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Recovery.Interrupted;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Recovery;

/// <summary>A domain that was made for a guest to go on in, and whose maker was killed before it claimed the guest. It never ran and never will.</summary>
internal static class AbandonedDomain
{
    /// <summary>Ends it, unless somebody is at it: a backup's sidecar of this host, or the next one, which finds a note of the takeover.</summary>
    public static void End(SidecarOptions options, GuestConnection guest, ILogger logger)
    {
        // Held to the end: who makes such a domain has this lock.
        using SidecarLock? nobody = SidecarLock.TryTake(options.RunFile("backup.lock"));
        try
        {
            if (nobody is null || TakeoverNote.Read(options) is not null || !IncomingDomain.IsWaitingForStream(guest.Domain))
            {
                logger.Ending("the guest is still being brought here");
                return;
            }
            guest.Domain.Destroy();
            logger.LeftoverDestroyed();
            logger.Ending("the domain here waited for a guest that nobody brings any more");
        }
        catch (Exception error) when (error is LibvirtException or QemuMonitorException or NotProtectableException)
        {
            logger.Ending($"the domain here waits for a guest that nobody brings any more, and could not be ended: {error.Message}");
        }
    }
}
