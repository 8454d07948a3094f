// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Recovery;

/// <summary>The steps of a recovery and when each was done. May be read by any thread.</summary>
internal sealed class RecoveryProgress(ILogger logger)
{
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly List<(string Step, TimeSpan After)> _steps = [];
    private StreamProgress? _stream;

    /// <summary>Time since the recovery began.</summary>
    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_started);

    /// <summary>What was done, and how long after the beginning.</summary>
    public IReadOnlyList<(string Step, TimeSpan After)> Steps
    {
        get
        {
            lock (_gate)
            {
                return [.. _steps];
            }
        }
    }

    /// <summary>How far the memory is; null before it flows.</summary>
    public StreamProgress? Stream
    {
        get
        {
            lock (_gate)
            {
                return _stream;
            }
        }
        internal set
        {
            lock (_gate)
            {
                _stream = value;
            }
        }
    }

    internal void Done(string step)
    {
        TimeSpan after = Elapsed;
        lock (_gate)
        {
            _steps.Add((step, after));
        }
        logger.RecoveryStep(step, Math.Round(after.TotalMilliseconds, 1));
    }
}
