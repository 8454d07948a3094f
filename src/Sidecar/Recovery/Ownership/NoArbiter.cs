// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Ownership;

namespace Hikae.Sidecar.Recovery;

/// <summary>Stands where no arbiter is configured: every question is answered with that.</summary>
internal sealed class NoArbiter : IArbiter
{
    public OwnershipRecord? Read(Guid guest) => throw Unavailable();

    public bool TryClaim(OwnershipRecord next, out OwnershipRecord? winner) => throw Unavailable();

    private static ArbiterUnavailableException Unavailable() => new(ArbiterConfiguration.NoDirectoryReason);
}
