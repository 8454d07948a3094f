// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Epoch;

/// <summary>What became of one try to make a checkpoint.</summary>
internal enum CheckpointOutcome
{
    /// <summary>The epoch is sealed and on its way.</summary>
    Sealed,

    /// <summary>Somebody else had paused the guest: it was left alone, the epoch stays open.</summary>
    GuestPaused,

    /// <summary>A participant would have made the guest wait too long: it runs on, the epoch stays open.</summary>
    Deferred,
}
