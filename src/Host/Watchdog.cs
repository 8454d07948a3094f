// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Host;

/// <summary>Tells the service manager that hikaed still gets things done, as sd_watchdog_enabled(3) has it.</summary>
/// <remarks>
/// A beat needs a timer and a thread of the pool, which all of hikaed's work needs too: when they do not come any more, nothing does. The manager then
/// ends hikaed and starts it anew, and sidecars register again.
/// </remarks>
internal static class Watchdog
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
