// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Native.Linux.Systemd;

/// <summary>Tells the service manager that this process still gets things done, as sd_watchdog_enabled(3) has it.</summary>
/// <remarks>
/// A beat needs a timer and a thread of the pool. It says that the process is given time, can start work and is not caught in its runtime, and no more:
/// nothing that waits for libvirt, QEMU or storage keeps a beat back. hikaed is then ended and started anew; a sidecar that was ended for it, which holds
/// its guest's disks, is succeeded by another.
/// </remarks>
public static class Watchdog
{
    public const string Variable = "WATCHDOG_USEC";

    /// <summary>Three beats in the time the manager allows. Null where it asks for none.</summary>
    /// <param name="microseconds">WATCHDOG_USEC's value.</param>
    public static TimeSpan? Interval(string? microseconds) =>
        long.TryParse(microseconds, NumberStyles.None, CultureInfo.InvariantCulture, out long allowed) && allowed > 0
            ? TimeSpan.FromMicroseconds(allowed / 3)
            : null;

    /// <summary>Beats until it is cancelled.</summary>
    public static async Task RunAsync(TimeSpan interval, Action<string> notify, TimeProvider clock, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            notify("WATCHDOG=1");
            await Task.Delay(interval, clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
