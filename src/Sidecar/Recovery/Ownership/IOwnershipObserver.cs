// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;

namespace Hikae.Sidecar.Recovery;

/// <summary>Follows what this host asks the arbiter and what it is told. Called under the ownership's lock: must not wait, nor ask anything.</summary>
internal interface IOwnershipObserver
{
    /// <summary>A timestamp from before a question, passed back with its answer.</summary>
    long Now { get; }

    /// <summary>A claim that lets a backup take the guest goes out now.</summary>
    void ClaimingProtected(long askedAt);

    /// <summary>The newest record, as read or won.</summary>
    void Answered(OwnershipRecord? newest, long askedAt);
}
