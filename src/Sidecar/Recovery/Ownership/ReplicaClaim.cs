// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;
using Hikae.Protocol.Replication;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Recovery;

/// <summary>Whether the ownership record, as this host sees it, lets it go on with the replica of one session.</summary>
/// <remarks>
/// The primary says which record it wrote. A backup that cannot see that record, because the two hosts use different directories or clusters, would find
/// out at the failover; it says so at once instead. Until it has seen the record it is not ready.
/// </remarks>
internal sealed class ReplicaClaim(GuestOwnership ownership, string primary, ILogger logger) : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly CancellationTokenSource _end = new();
    private long _generation;

    // receiving thread only
    private bool _isAsked;

    /// <summary>How long a record may take from host to host. The arbiter's own answers count as such; this is for a share that caches.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>The generation that was seen to name this host; 0: none yet. Any thread.</summary>
    public long Generation => Volatile.Read(ref _generation);

    /// <summary>Looks for the record until it is seen or the session has ended. On a thread of its own; one of the two is called at most once, on that thread.</summary>
    /// <param name="generation">What the primary says that it wrote.</param>
    /// <param name="seen">This host may go on with the guest when the primary is lost.</param>
    /// <param name="refused">It never could, for this reason.</param>
    /// <param name="waiting">The arbiter does not answer, for this reason; may be called again and again.</param>
    /// <exception cref="ReplicationProtocolException">The primary has said so before in this session: each would take a thread.</exception>
    public void Confirm(long generation, Action seen, Action<string> refused, Action<string> waiting)
    {
        if (_isAsked)
        {
            throw new ReplicationProtocolException("a second claim of the guest in one session");
        }
        _isAsked = true;
        new Thread(() => Look(generation, seen, refused, waiting)) { IsBackground = true, Name = "replica claim" }.Start();
    }

    /// <summary>The session is over: nothing is called any more, except by a look that is under way.</summary>
    public void Dispose() => _end.Cancel();

    private void Look(long generation, Action seen, Action<string> refused, Action<string> waiting)
    {
        TimeSpan answered = TimeSpan.Zero;
        for (; !_end.IsCancellationRequested; _end.Token.WaitHandle.WaitOne(Interval))
        {
            try
            {
                OwnershipRecord? newest = ownership.Refresh();
                if (newest?.Generation > generation)
                {
                    // The primary has gone on without this replica, and ends the session.
                    return;
                }
                if (newest is { Ended: false } && newest.Generation == generation && newest.Owner == primary && newest.ProtectedBy == ownership.Host)
                {
                    Volatile.Write(ref _generation, generation);
                    logger.ClaimSeen(generation);
                    seen();
                    return;
                }
                if (answered >= Patience)
                {
                    refused($"{ownership.Host} does not see generation {generation} of the ownership record, which {primary} wrote: both hosts must use the same arbiter");
                    return;
                }
                answered += Interval;
            }
            catch (ArbiterUnavailableException error)
            {
                waiting(error.Message);
            }
        }
    }
}
