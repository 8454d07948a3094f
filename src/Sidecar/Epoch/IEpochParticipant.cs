// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Epoch;

/// <summary>A part of the guest that must change epochs together with the rest: memory, devices, disk or output.</summary>
/// <remarks>
/// <see cref="Prepare"/>, <see cref="Seal"/> and <see cref="Resumed"/> are called on the checkpoint thread, <see cref="Commit"/> and
/// <see cref="Abort"/> on the link's. Commit and abort take no token: they may not be half done.
/// </remarks>
internal interface IEpochParticipant
{
    /// <summary>The guest runs and is about to be paused: do what shortens the pause.</summary>
    void Prepare(EpochId epoch, CancellationToken cancellationToken);

    /// <summary>The guest is paused: draw the line. Everything before it belongs to <paramref name="epoch"/>.</summary>
    /// <param name="epoch">The epoch that ends here.</param>
    /// <param name="pause">Gets a mark for each step that this participant lets the guest wait for.</param>
    /// <param name="cancellationToken">Gives the checkpoint up; the guest goes on.</param>
    void Seal(EpochId epoch, PauseTimings pause, CancellationToken cancellationToken);

    /// <summary>The guest runs again.</summary>
    void Resumed(EpochId epoch);

    /// <summary>The backup holds <paramref name="epoch"/> whole: release what waited for it.</summary>
    void Commit(EpochId epoch);

    /// <summary>The backup will never hold <paramref name="epoch"/>: forget what waited for it.</summary>
    void Abort(EpochId epoch);
}
