// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Protocol.Ownership;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Recovery;

/// <summary>Asks the arbiter again while it gives no answer.</summary>
internal static class PatientClaims
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(200);

    /// <summary>Makes a claim until the arbiter answers. What else the claim throws (another host was faster, say) is the caller's.</summary>
    /// <param name="claim">Throws <see cref="ArbiterUnavailableException"/> when there was no answer.</param>
    /// <param name="limit">How long; <see cref="Timeout.InfiniteTimeSpan"/>: until there is an answer.</param>
    /// <param name="logger">Told once: at first when there is no limit, else when giving up.</param>
    /// <param name="cancellationToken">Then the try under way is the last, and there is always one.</param>
    public static void Make(Action claim, TimeSpan limit, ILogger logger, CancellationToken cancellationToken = default)
    {
        long started = Stopwatch.GetTimestamp();
        bool isBounded = limit != Timeout.InfiniteTimeSpan;
        bool isReported = false;
        while (true)
        {
            try
            {
                claim();
                return;
            }
            catch (ArbiterUnavailableException error)
            {
                bool givesUp = cancellationToken.IsCancellationRequested || (isBounded && Stopwatch.GetElapsedTime(started) > limit);
                if (givesUp || !(isBounded || isReported))
                {
                    logger.ArbiterUnavailable(error.Message);
                    isReported = true;
                }
                if (givesUp)
                {
                    return;
                }
            }
            cancellationToken.WaitHandle.WaitOne(Retry);
        }
    }
}
