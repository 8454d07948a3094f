// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Epoch;

/// <summary>A part of the guest that must change epochs together with the rest: memory, devices, disk or output.</summary>
/// <remarks>
/// <see cref="Prepare"/>, <see cref="TrySeal"/>, <see cref="Resumed"/> and <see cref="Ended"/> are called on the checkpoint thread, <see cref="Commit"/> and
/// <see cref="Abort"/> on the link's. Commit and abort take no token: they may not be half done.
/// </remarks>
internal interface IEpochParticipant
{
    /// <summary>The guest runs and is about to be paused: do what shortens the pause.</summary>
    void Prepare(EpochId epoch, CancellationToken cancellationToken);

    /// <summary>The guest is paused: draw the line. Everything before it belongs to <paramref name="epoch"/>.</summary>
    /// <returns>
    /// False when sealing would make the guest wait too long: the guest goes on in the same epoch, and <see cref="Prepare"/> is called
    /// again before the next try. Only a participant that comes before all others that seal anything may say so.
    /// </returns>
    /// <param name="epoch">The epoch that ends here.</param>
    /// <param name="pause">Gets a mark for each step that this participant lets the guest wait for.</param>
    /// <param name="cancellationToken">Gives the checkpoint up; the guest goes on.</param>
    bool TrySeal(EpochId epoch, PauseTimings pause, CancellationToken cancellationToken);

    /// <summary>The guest runs again: hand over what belongs to the epoch and was not handed over in the pause.</summary>
    void Resumed(EpochId epoch);

    /// <summary>Everything of the epoch was handed over by everybody, and the guest goes on here: do what makes nobody wait.</summary>
    void Ended(EpochId epoch)
    {
        // Most have nothing left to do.
    }

    /// <summary>The backup holds <paramref name="epoch"/> whole: release what waited for it.</summary>
    void Commit(EpochId epoch);

    /// <summary>The backup will never hold <paramref name="epoch"/>: forget what waited for it.</summary>
    void Abort(EpochId epoch);
}
