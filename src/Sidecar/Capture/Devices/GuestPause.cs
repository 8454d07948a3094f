// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Hikae.Sidecar.Epoch;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Capture;

/// <summary>Stops and continues the guest's processors by QMP, and keeps out of the way of a user who paused it.</summary>
internal sealed class GuestPause(GuestConnection guest, QemuMonitor monitor, QemuProcess process, IoThreads ioThreads, SidecarMarker marker, ILogger logger) : IGuestPause
{
    // libvirtd takes about a second to restart; a guest must not stand still longer than it has to.
    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// Whether the guest's processors run. libvirt learns from QEMU's events that a guest goes on, and may be behind: a guest that it calls paused is asked for.
    /// </summary>
    public bool IsRunning => guest.Domain.GetState().State switch
    {
        DomainState.Running => true,
        DomainState.Paused => monitor.Execute("query-status").GetProperty("running").GetBoolean(),
        _ => false,
    };

    public bool TryPause(PauseTimings? pause = null)
    {
        if (!IsRunning)
        {
            return false;
        }
        marker.PausedByUs = true;
        pause?.Start();
        try
        {
            using (ioThreads.BeforeOthers())
            {
                monitor.Execute("stop");
            }
        }
        catch
        {
            // Whether QEMU stopped is unknown: "cont" is right in both cases, as the guest ran a moment ago.
            Resume();
            throw;
        }
        return true;
    }

    public void Resume()
    {
        int failures = 0;
        while (!process.HasExited)
        {
            try
            {
                monitor.Execute("cont");
                break;
            }
            catch (Exception error)
            {
                // Whatever it is (no libvirtd, a connection that another thread just closed): a guest left standing still is worse.
                if (failures++ == 0)
                {
                    logger.ResumeFailed(error.Message);
                }
                Thread.Sleep(RetryInterval);
            }
        }
        marker.PausedByUs = false;
    }
}
