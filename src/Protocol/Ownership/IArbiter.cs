// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Ownership;

/// <summary>
/// The one place where it is decided who may run a guest. Calls may block for as long as the shared storage does: call from a thread
/// that may wait, and measure a lease from before the call.
/// </summary>
public interface IArbiter
{
    /// <summary>The guest's newest record, null when there never was one. Sees every claim that was won before the call began.</summary>
    /// <exception cref="ArbiterUnavailableException">No answer.</exception>
    OwnershipRecord? Read(Guid guest);

    /// <summary>Claims <paramref name="next"/>'s generation, which must be one more than the newest read.</summary>
    /// <param name="next">The record wanted.</param>
    /// <param name="winner">The newest record after the call: <paramref name="next"/> itself when true.</param>
    /// <returns>
    /// True when <paramref name="next"/> is now the newest record: no two hosts win one generation. False also for a host that won, and
    /// was overtaken by a newer record before it could look: <paramref name="winner"/> is all that counts. A host that asks for the same record twice (because the first
    /// answer was lost, say) gets the same answer twice.
    /// </returns>
    /// <exception cref="ArbiterUnavailableException">No answer; the claim may or may not have been won. Asking again is safe.</exception>
    bool TryClaim(OwnershipRecord next, out OwnershipRecord? winner);
}
