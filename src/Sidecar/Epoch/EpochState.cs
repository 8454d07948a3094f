// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Epoch;

//   Open ──seal──▶ Sealed ──commit──▶ Committed
//     └──────────────┴──peer lost──▶ Aborted

/// <summary>Where an epoch is on its way. See the drawing above and <see cref="CheckpointEpoch"/>.</summary>
internal enum EpochState
{
    /// <summary>The guest runs in it.</summary>
    Open,

    /// <summary>Its line is drawn; its records travel.</summary>
    Sealed,

    /// <summary>The backup holds it whole and said so.</summary>
    Committed,

    /// <summary>The backup will never hold it.</summary>
    Aborted,
}
