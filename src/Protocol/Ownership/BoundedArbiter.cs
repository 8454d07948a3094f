// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.ExceptionServices;

namespace Hikae.Protocol.Ownership;

/// <summary>An arbiter whose calls return in time, although those of the one behind it may hang with the storage.</summary>
/// <remarks>
/// A call that hangs is left to itself on its thread. It may still be carried out much later; that is as harmless as an answer that was lost,
/// because a generation is given away once. So that a dead share does not collect threads, past <see cref="MaxHanging"/> calls nobody is asked.
/// </remarks>
/// <param name="arbiter">The one asked.</param>
/// <param name="limit">For one call.</param>
public sealed class BoundedArbiter(IArbiter arbiter, TimeSpan limit) : IArbiter
{
    /// <summary>Calls that may hang at a time.</summary>
    public const int MaxHanging = 8;

    private int _running;

    /// <inheritdoc/>
    public OwnershipRecord? Read(Guid guest) => InTime(() => arbiter.Read(guest));

    /// <inheritdoc/>
    public bool TryClaim(OwnershipRecord next, out OwnershipRecord? winner)
    {
        (bool won, winner) = InTime(() => (arbiter.TryClaim(next, out OwnershipRecord? newest), newest));
        return won;
    }

    private T InTime<T>(Func<T> call)
    {
        if (Interlocked.Increment(ref _running) > MaxHanging)
        {
            Interlocked.Decrement(ref _running);
            throw new ArbiterUnavailableException($"The arbiter hangs: {MaxHanging} calls wait for an answer.");
        }
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                answer.SetResult(call());
            }
            catch (Exception error)
            {
                answer.SetException(error);
            }
            finally
            {
                Interlocked.Decrement(ref _running);
            }
        })
        { IsBackground = true, Name = "arbiter" }.Start();
        try
        {
            return answer.Task.Wait(limit) ? answer.Task.Result : throw new ArbiterUnavailableException($"The arbiter did not answer within {limit.TotalMilliseconds:0} ms.");
        }
        catch (AggregateException error)
        {
            ExceptionDispatchInfo.Throw(error.InnerException!);
            throw;
        }
    }
}
