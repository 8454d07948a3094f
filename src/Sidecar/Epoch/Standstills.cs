// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;

namespace Hikae.Sidecar.Epoch;

/// <summary>How long the guest's processors stood, by QEMU's own account: the times in its STOP and RESUME events.</summary>
/// <remarks>
/// STOP is made when the processors stand, RESUME right before they go on (QEMU system/cpus.c, do_vm_stop and vm_prepare_start). The events reach us
/// through libvirt some time after.
/// </remarks>
internal sealed class Standstills
{
    private DateTimeOffset? _stoppedAt;

    /// <summary>The guest stood still from one time to the other, by the host's clock. Called on the thread that calls <see cref="Take"/>.</summary>
    public event Action<DateTimeOffset, DateTimeOffset>? Ended;

    /// <summary>Any event of this guest's QEMU, in order. One thread at a time.</summary>
    public void Take(MonitorEvent news)
    {
        if (news.Event is "STOP" && news.Seconds >= 0)
        {
            _stoppedAt = TimeOf(news);
        }
        else if (news.Event is "RESUME" || news.IsMissed)
        {
            if (_stoppedAt is { } stopped && !news.IsMissed)
            {
                Ended?.Invoke(stopped, TimeOf(news));
            }

            _stoppedAt = null;
        }
    }

    private static DateTimeOffset TimeOf(MonitorEvent news) => DateTimeOffset.UnixEpoch.AddSeconds(news.Seconds).AddMicroseconds(news.Micros);
}
