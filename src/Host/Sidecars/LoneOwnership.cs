// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;
using Microsoft.Extensions.Logging;

namespace Hikae.Host.Sidecars;

/// <summary>
/// Claims that a guest of this host runs on alone: without a sidecar its epochs reach no backup, so no backup may start it from an
/// old one. So it is when its sidecar died, and when it is started from its disk.
/// </summary>
/// <remarks>Blocks as long as the arbiter does. Whatever comes out, the next sidecar asks the arbiter again before it lets any output go.</remarks>
internal sealed class LoneOwnership(IArbiter? arbiter, string host, ILogger logger)
{
    /// <summary>This host's name in records.</summary>
    public string Host => host;

    /// <summary>False: no guest of this host is or was protected.</summary>
    public bool HasArbiter => arbiter is not null;

    /// <summary>For a guest whose sidecar died. Never throws.</summary>
    public void Claim(Guid guest)
    {
        try
        {
            if (ClaimIfProtected(guest) is { Ended: false } newest && newest.Owner != host)
            {
                logger.OwnedByOther(guest, newest.Owner, newest.Generation);
            }
        }
        catch (ArbiterUnavailableException error)
        {
            logger.ArbiterUnavailable(guest, error.Message);
        }
    }

    /// <summary>Makes sure that no backup may take the guest, if it is this host's. The newest record then; null: there is none.</summary>
    /// <exception cref="ArbiterUnavailableException">No answer; nothing is decided.</exception>
    public OwnershipRecord? ClaimIfProtected(Guid guest) => ClaimAlone(guest, host);

    /// <summary>The same for a guest that another host runs and that leaves it for this one: in the name of that host, which goes on and finds the record so.</summary>
    /// <exception cref="ArbiterUnavailableException">No answer; nothing is decided.</exception>
    public OwnershipRecord? ClaimForOwner(Guid guest) => ClaimAlone(guest, owner: null);

    private OwnershipRecord? ClaimAlone(Guid guest, string? owner)
    {
        OwnershipRecord? newest = arbiter?.Read(guest);
        // A record may be newer than our reading; then there is a newer one to look at, and that ends: each round somebody won.
        for (int round = 0; round < 5 && newest is { ProtectedBy: not null } && OwnershipRules.RunAlone(newest, owner ?? newest.Owner) is OwnershipRecord next; round++)
        {
            if (arbiter!.TryClaim(next, out newest))
            {
                logger.ClaimedAlone(guest, next.Generation);
            }
        }
        return newest;
    }
}
