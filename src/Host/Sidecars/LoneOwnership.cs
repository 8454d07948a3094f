// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;
using Microsoft.Extensions.Logging;

namespace Hikae.Host.Sidecars;

/// <summary>
/// Claims, for a protected guest whose sidecar died, that it runs on alone: without a sidecar its epochs reach no backup, so no
/// backup may start it from an old one.
/// </summary>
/// <remarks>Blocks as long as the shared storage does. Whatever comes out, the next sidecar asks the arbiter again before it lets any output go.</remarks>
internal sealed class LoneOwnership(IArbiter? arbiter, string host, ILogger logger)
{
    public void Claim(Guid guest)
    {
        if (arbiter is null)
        {
            return;
        }
        try
        {
            OwnershipRecord? newest = arbiter.Read(guest);
            // A record may be newer than our reading; then there is a newer one to look at, and that ends: each round somebody won.
            for (int round = 0; round < 5 && newest is { ProtectedBy: not null } && OwnershipRules.RunAlone(newest, host) is OwnershipRecord next; round++)
            {
                if (arbiter.TryClaim(next, out newest))
                {
                    logger.ClaimedAlone(guest, next.Generation);
                    return;
                }
            }
            if (newest is { Ended: false } && newest.Owner != host)
            {
                logger.OwnedByOther(guest, newest.Owner, newest.Generation);
            }
        }
        catch (ArbiterUnavailableException error)
        {
            logger.ArbiterUnavailable(guest, error.Message);
        }
    }
}
