// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;

namespace Hikae.Sidecar.Tests.Recovery;

/// <summary>An arbiter that makes claims, but whose next answers get lost; or one that cannot be reached at all for some questions.</summary>
internal sealed class UnansweredArbiter(IArbiter arbiter) : IArbiter
{
    private int _lostAnswers;
    private int _unreachable;

    /// <summary>Answers to claims that get lost on the way back: the claim is made all the same.</summary>
    public int LostAnswers
    {
        set => _lostAnswers = value;
    }

    /// <summary>Questions of any kind that do not arrive.</summary>
    public int Unreachable
    {
        set => _unreachable = value;
    }

    /// <summary>Called when a claim is about to arrive.</summary>
    public Action? BeforeClaim { get; set; }

    public OwnershipRecord? Read(Guid guest)
    {
        Reach();
        return arbiter.Read(guest);
    }

    public bool TryClaim(OwnershipRecord next, out OwnershipRecord? winner)
    {
        Reach();
        BeforeClaim?.Invoke();
        bool won = arbiter.TryClaim(next, out winner);
        return Interlocked.Decrement(ref _lostAnswers) < 0 ? won : throw new ArbiterUnavailableException("the answer got lost");
    }

    private void Reach()
    {
        if (Interlocked.Decrement(ref _unreachable) >= 0)
        {
            throw new ArbiterUnavailableException("cannot be reached");
        }
    }
}
