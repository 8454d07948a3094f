// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;

namespace Hikae.Sidecar.Recovery;

/// <summary>One guest's ownership record as this host claims and follows it. Every change is one atomic step in the arbiter.</summary>
/// <remarks>
/// Each method reads the newest record, decides whether the wanted change is allowed from there, and claims the next generation. Losing
/// the claim means that the other host was faster: its record is then the truth. <see cref="ArbiterUnavailableException"/> decides nothing:
/// the claim may have been made all the same, which the next method finds out.
/// Any thread: two claims of one host at once would make the host lose against itself.
/// </remarks>
internal sealed class GuestOwnership(IArbiter arbiter, Guid guest, string host, TimeSpan lease)
{
    private readonly Lock _gate = new();

    // written under _gate
    private volatile OwnershipRecord? _current;

    // guarded by _gate: a claim without an answer
    private OwnershipRecord? _unanswered;
    private TimeSpan? _formerLease;

    /// <summary>The newest record this object saw; null when there was none. Any thread.</summary>
    public OwnershipRecord? Current => _current;

    /// <summary>Follows what is asked and answered; set before the first question.</summary>
    public IOwnershipObserver? Observer { get; set; }

    /// <summary>This host's name in records.</summary>
    public string Host => host;

    /// <summary>How long this host may trust a record it read.</summary>
    public TimeSpan Lease => lease;

    /// <summary>After a take-over: how long the former owner may trust its record. Never less than our own lease.</summary>
    public TimeSpan FormerLease => _formerLease ?? lease;

    /// <summary>Reads the newest record again.</summary>
    public OwnershipRecord? Refresh()
    {
        lock (_gate)
        {
            long askedAt = Observer?.Now ?? 0;
            _current = arbiter.Read(guest);
            Observer?.Answered(_current, askedAt);
            return _current;
        }
    }

    /// <summary>Primary, at the first commit: from now on <paramref name="backup"/> may take the guest when it loses its link. Throws <see cref="FencedException"/> when another host owns it.</summary>
    public void ClaimProtected(string backup)
    {
        lock (_gate)
        {
            ClaimHere(backup, ownedGeneration: 0);
        }
    }

    /// <summary>Primary, when it lost its backup: from now on nobody may take the guest. Throws <see cref="FencedException"/> when the backup was faster.</summary>
    /// <param name="ownedGeneration">
    /// The generation under which this run of the guest was this host's first; 0: none. If a newer one says that the guest has ended as another host's, that host took it
    /// and brought it to its end: what runs here is from before. A guest that was started after such an end may go on.
    /// </param>
    public void ClaimUnprotected(long ownedGeneration)
    {
        lock (_gate)
        {
            OwnershipRecord? current = Refresh();
            // A claim that nobody answered may still come to be: only a newer one keeps it from that.
            if (_unanswered is null && current is { ProtectedBy: null, Ended: false } && current.Owner == host)
            {
                return;
            }
            ClaimHere(protectedBy: null, ownedGeneration);
        }
    }

    /// <summary>Backup, when it lost its primary: take the guest. False when the record does not name this host as backup, or the primary was faster.</summary>
    /// <param name="replicaGeneration">
    /// The generation under which the replica became this host's to go on with; 0: not known yet. A newer record that names this host is about another replica:
    /// what the guest told the world in between is not in this one.
    /// </param>
    public bool TryTakeOver(long replicaGeneration = 0)
    {
        lock (_gate)
        {
            OwnershipRecord? unanswered = _unanswered;
            OwnershipRecord? current = Refresh();
            if (current is not null && current == unanswered && current.Owner == host)
            {
                _unanswered = null;
                return true;
            }
            _formerLease = current is null || current.LeaseMs < lease.TotalMilliseconds ? lease : TimeSpan.FromMilliseconds(current.LeaseMs);
            return current is { Ended: false } && current.ProtectedBy == host
                && (replicaGeneration == 0 || current.Generation == replicaGeneration)
                && TryClaim(current, host, protectedBy: null, ended: false);
        }
    }

    /// <summary>The guest was stopped in order: any host may start it. Does nothing when another host owns it.</summary>
    public void Release() => EndAs(host);

    /// <summary>
    /// Backup, when it took a guest that it could not start: any host may start it from its disks, and <paramref name="formerOwner"/>, if it lives after all, may go on
    /// with it, for the record says that it has ended as that host's. Does nothing when another host owns it.
    /// </summary>
    public void ReleaseUnrun(string formerOwner) => EndAs(formerOwner);

    /// <summary>Gives the guest back to <paramref name="owner"/>, after a planned failover that did not succeed.</summary>
    public bool TryGiveBack(string owner)
    {
        lock (_gate)
        {
            OwnershipRecord? current = Refresh();
            return current is not null && current.Owner == host && TryClaim(current, owner, protectedBy: null, ended: false);
        }
    }

    private void EndAs(string owner)
    {
        lock (_gate)
        {
            // Losing against this host's own daemon is no reason to leave the guest claimed.
            OwnershipRecord? current = Refresh();
            while (current is { Ended: false } && current.Owner == host && !TryClaim(current, owner, protectedBy: null, ended: true))
            {
                current = _current;
            }
        }
    }

    private void ClaimHere(string? protectedBy, long ownedGeneration)
    {
        OwnershipRecord? current = Refresh();
        while (current is null || current.Owner == host || (current.Ended && (ownedGeneration == 0 || current.Generation <= ownedGeneration)))
        {
            if (TryClaim(current, host, protectedBy, ended: false))
            {
                return;
            }
            // Lost, but perhaps only against this host's daemon.
            current = _current;
        }
        throw Fenced();
    }

    private bool TryClaim(OwnershipRecord? current, string owner, string? protectedBy, bool ended)
    {
        var next = new OwnershipRecord(guest, (current?.Generation ?? 0) + 1, owner, protectedBy, (int)lease.TotalMilliseconds, ended);
        _unanswered = next;
        long askedAt = Observer?.Now ?? 0;
        if (owner == host && protectedBy is not null)
        {
            Observer?.ClaimingProtected(askedAt);
        }
        bool won = arbiter.TryClaim(next, out OwnershipRecord? winner);
        _unanswered = null;
        _current = winner;
        Observer?.Answered(winner, askedAt);
        return won;
    }

    private FencedException Fenced() =>
        new($"generation {Current?.Generation} of the ownership record says that {Current?.Owner} {(Current is { Ended: true } ? "ran this guest to its end" : "may run this guest")}, not {host}");
}
