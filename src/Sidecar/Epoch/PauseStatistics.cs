// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;

namespace Hikae.Sidecar.Epoch;

/// <summary>The pauses of the last checkpoints. Any thread may read; the checkpoint thread adds, and QEMU's account of a pause comes shortly before that or after.</summary>
internal sealed class PauseStatistics
{
    // One minute at ten checkpoints a second.
    private const int Kept = 600;

    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly Queue<PauseTimings> _pauses = new();
    private PauseTimings? _awaitsAccount;
    private (DateTimeOffset Stopped, DateTimeOffset Resumed)? _lastAccount;

    /// <summary>The newest pause. Throws when there is none.</summary>
    public PauseTimings Last
    {
        get
        {
            lock (_gate)
            {
                return _pauses.Last();
            }
        }
    }

    public void Add(PauseTimings pause)
    {
        lock (_gate)
        {
            if (_pauses.Count == Kept)
            {
                _pauses.Dequeue();
            }
            _pauses.Enqueue(pause);
            _awaitsAccount = _lastAccount is { } account && pause.TryNarrow(account.Stopped, account.Resumed) ? null : pause;
        }
    }

    /// <summary>QEMU says that the guest stood still from <paramref name="stopped"/> to <paramref name="resumed"/>, by the host's clock.</summary>
    public void Account(DateTimeOffset stopped, DateTimeOffset resumed)
    {
        lock (_gate)
        {
            _lastAccount = (stopped, resumed);
            if (_awaitsAccount?.TryNarrow(stopped, resumed) == true)
            {
                _awaitsAccount = null;
            }
        }
    }

    /// <summary>The kept pauses, oldest first, as they are known now.</summary>
    public IReadOnlyList<PauseFigures> ToList()
    {
        lock (_gate)
        {
            return [.. _pauses.Select(pause => new PauseFigures(pause.Epoch, pause.TotalMs, pause.CommandMs, [.. pause.Steps]))];
        }
    }

    /// <summary>The status with what is known of the pauses.</summary>
    public GuestStatus AddTo(GuestStatus status)
    {
        IReadOnlyList<PauseFigures> pauses = ToList();
        double[] stood = [.. pauses.Select(pause => pause.StoodMs)];
        double[] commands = [.. pauses.Select(pause => pause.CommandMs)];
        return status with
        {
            PauseMsP50 = Math.Round(Percentile(stood, 0.5), 2),
            PauseMsP99 = Math.Round(Percentile(stood, 0.99), 2),
            PauseMsMax = Math.Round(stood.DefaultIfEmpty().Max(), 2),
            CheckpointMsP50 = Math.Round(Percentile(commands, 0.5), 2),
            CheckpointMsP99 = Math.Round(Percentile(commands, 0.99), 2),
            PauseSteps = Steps(pauses),
        };
    }

    /// <summary>Median and 99th percentile of each step, in the order of the newest pause; a step that a pause lacks took 0 ms of it.</summary>
    public static IReadOnlyList<PauseStep> Steps(IReadOnlyList<PauseFigures> pauses) => pauses.Count == 0
        ? []
        : [.. pauses[^1].Steps.Select(step => step.Name).Distinct().Select(name =>
        {
            double[] ms = [.. pauses.Select(pause => pause.Steps.Where(step => step.Name == name).Sum(step => step.Ms))];
            return new PauseStep(name, Math.Round(Percentile(ms, 0.5), 2), Math.Round(Percentile(ms, 0.99), 2));
        })];

    /// <summary>The value below which <paramref name="fraction"/> of <paramref name="values"/> lie (nearest rank); 0 for none.</summary>
    public static double Percentile(IEnumerable<double> values, double fraction)
    {
        double[] sorted = [.. values.Order()];
        int rank = (int)Math.Ceiling(fraction * sorted.Length) - 1;
        return sorted.Length == 0 ? 0 : sorted[Math.Clamp(rank, 0, sorted.Length - 1)];
    }
}
