// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Epoch;

/// <summary>Makes the guest stand still for as long as one checkpoint needs.</summary>
internal interface IStandstill
{
    /// <summary>Stops the guest, calls <paramref name="seal"/>, and lets the guest go on whatever comes of it.</summary>
    /// <param name="pause">Takes the time of each step.</param>
    /// <param name="leavePaused">The guest does not go on when it was sealed: it will elsewhere.</param>
    /// <param name="seal">Draws the line; called on this thread at most once. False: the epoch stays open.</param>
    /// <param name="cancellationToken">Ends the wait for a QEMU that does not answer: the guest goes on as soon as it does.</param>
    /// <returns>What <paramref name="seal"/> said; null when somebody else had paused the guest, which is then left alone.</returns>
    bool? TrySeal(PauseTimings pause, bool leavePaused, Func<bool> seal, CancellationToken cancellationToken);
}
