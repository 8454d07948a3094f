// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;

namespace Hikae.Sidecar.Recovery;

/// <summary>One guest's ownership record as this host claims and follows it. Every change is one atomic step in the arbiter.</summary>
/// <remarks>
/// Each method reads the newest record, decides whether the wanted change is allowed from there, and claims the next generation. Losing
/// the claim means that the other host was faster: its record is then the truth. <see cref="ArbiterUnavailableException"/> decides nothing.
/// </remarks>
internal sealed class GuestOwnership(IArbiter arbiter, Guid guest, string host, TimeSpan lease)
{
    /// <summary>The newest record this object saw; null when there was none.</summary>
    public OwnershipRecord? Current { get; private set; }

    /// <summary>Reads the newest record again.</summary>
    public OwnershipRecord? Refresh() => Current = arbiter.Read(guest);

    /// <summary>Primary, at the first commit: from now on <paramref name="backup"/> may take the guest when it loses its link. Throws <see cref="FencedException"/> when another host owns it.</summary>
    public void ClaimProtected(string backup)
    {
        OwnershipRecord? current = Refresh();
        if (MayRunHere(current))
        {
            if (TryClaim(current, host, backup, ended: false))
            {
                return;
            }
        }
        throw Fenced();
    }

    /// <summary>Primary, when it lost its backup: from now on nobody may take the guest. Throws <see cref="FencedException"/> when the backup was faster.</summary>
    public void ClaimUnprotected()
    {
        OwnershipRecord? current = Refresh();
        if (current is { } record && record.Owner == host && record.ProtectedBy is null && !record.Ended)
        {
            return;
        }
        if (MayRunHere(current) && TryClaim(current, host, protectedBy: null, ended: false))
        {
            return;
        }
        throw Fenced();
    }

    /// <summary>Backup, when it lost its primary: take the guest. False when the record does not name this host as backup, or the primary was faster.</summary>
    public bool TryTakeOver()
    {
        OwnershipRecord? current = Refresh();
        return current is { Ended: false } && current.ProtectedBy == host && TryClaim(current, host, protectedBy: null, ended: false);
    }

    /// <summary>The guest was stopped in order: any host may start it. Does nothing when another host owns it.</summary>
    public void Release()
    {
        OwnershipRecord? current = Refresh();
        if (current is { Ended: false } && current.Owner == host)
        {
            TryClaim(current, host, protectedBy: null, ended: true);
        }
    }

    /// <summary>Gives the guest back to <paramref name="owner"/>, after a planned failover that did not succeed.</summary>
    public bool TryGiveBack(string owner)
    {
        OwnershipRecord? current = Refresh();
        return current is not null && current.Owner == host && TryClaim(current, owner, protectedBy: null, ended: false);
    }

    private bool MayRunHere(OwnershipRecord? record) => record is null || record.Ended || record.Owner == host;

    private bool TryClaim(OwnershipRecord? current, string owner, string? protectedBy, bool ended)
    {
        var next = new OwnershipRecord(guest, (current?.Generation ?? 0) + 1, owner, protectedBy, (int)lease.TotalMilliseconds, ended);
        bool won = arbiter.TryClaim(next, out OwnershipRecord? winner);
        Current = winner;
        return won;
    }

    private FencedException Fenced() =>
        new($"generation {Current?.Generation} of the ownership record says that {Current?.Owner} may run this guest, not {host}");
}
