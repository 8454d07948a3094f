// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Tests.Capture;

/// <summary>Lets no epoch be sealed while it is in the way.</summary>
internal sealed class Obstacle : IEpochParticipant
{
    public bool IsInTheWay { get; set; }

    /// <summary>How long what is replicated runs between its preparation and the pause.</summary>
    public TimeSpan Delay { get; set; }

    public void Prepare(EpochId epoch, CancellationToken cancellationToken) => Thread.Sleep(Delay);

    public bool TrySeal(EpochId epoch, PauseTimings pause, CancellationToken cancellationToken) => !IsInTheWay;

    public void Resumed(EpochId epoch)
    {
        // Nothing follows.
    }

    public void Commit(EpochId epoch)
    {
        // Nothing waits.
    }

    public void Abort(EpochId epoch)
    {
        // Nothing waits.
    }
}
