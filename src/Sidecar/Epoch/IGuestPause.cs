// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Epoch;

/// <summary>Stops the guest for a checkpoint and lets it go on.</summary>
internal interface IGuestPause
{
    /// <summary>False when somebody else paused the guest: then it is left as it is, and <see cref="Resume"/> must not be called.</summary>
    /// <param name="pause">Started when the guest is about to stand still; null when nobody measures.</param>
    bool TryPause(PauseTimings? pause = null);

    /// <summary>Lets the guest go on. Tries until it worked or the guest is gone.</summary>
    void Resume();
}
