// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;

namespace Hikae.Host.Room;

/// <summary>A guest that waits to be started here, or is being started.</summary>
/// <param name="asked">What its sidecar said.</param>
/// <param name="askedAt">When, by the queue's clock.</param>
internal sealed class RecoveryPlace(AskTurn asked, long askedAt)
{
    public AskTurn Asked { get; } = asked;

    public long AskedAt { get; } = askedAt;

    // guarded by the queue

    /// <summary>What its sidecar is to be told; null: nothing yet.</summary>
    public Turn? Answer { get; set; } = asked.Held ? new Turn(true, "") : null;

    public bool IsGranted => Answer is { Granted: true };
}
