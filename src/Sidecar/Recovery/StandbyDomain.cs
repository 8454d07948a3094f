// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Recovery;

/// <summary>A domain created paused before it is known whether it will be needed: while the primary is silent but not yet given up.</summary>
/// <remarks>
/// Creating a domain takes libvirt half a second, about as long as a lost link takes to be believed; done at the same time, it costs
/// a failover nothing. It runs nothing and writes nothing, so no claim is needed for it. A primary that speaks again ends it.
/// Whoever takes the domain out owns it, or makes one of its own when there was none: until <see cref="Cancel"/> says that this is over,
/// no other is begun, because a domain is known by its guest's UUID alone, and two would destroy each other.
/// </remarks>
internal sealed class StandbyDomain(Func<string, PreparedDomain> create, ILogger logger) : IDisposable
{
    private readonly Lock _gate = new();

    // guarded by _gate
    private string? _xml;
    private bool _isTaken;
    private Task<PreparedDomain>? _creation;
    private Task _ending = Task.CompletedTask;

    /// <summary>Starts to create the domain of <paramref name="xml"/>, unless one is on its way. Does not wait. Any thread.</summary>
    public void Begin(string xml)
    {
        lock (_gate)
        {
            if (_creation is null && !_isTaken)
            {
                _xml = xml;
                Task before = _ending;
                _creation = Task.Factory.StartNew(
                    () =>
                    {
                        // libvirt refuses a second domain of the same UUID.
                        before.Wait();
                        return create(xml);
                    },
                    CancellationToken.None,
                    TaskCreationOptions.LongRunning,
                    TaskScheduler.Default);
            }
        }
    }

    /// <summary>Waits for the domain and hands it over; null when none was begun, it is another XML's, or it could not be created.</summary>
    public PreparedDomain? Take(string xml)
    {
        Task<PreparedDomain>? creation;
        Task ending;
        bool fits;
        lock (_gate)
        {
            creation = _creation;
            ending = _ending;
            fits = _xml == xml;
            _creation = null;
            _isTaken = true;
        }
        if (creation is null)
        {
            ending.Wait();
            return null;
        }
        try
        {
            PreparedDomain prepared = creation.GetAwaiter().GetResult();
            if (fits)
            {
                return prepared;
            }
            prepared.Destroy();
        }
        catch (Exception error)
        {
            // The recovery creates one itself, and its error is then the one that counts.
            logger.StandbyFailed(error.Message);
        }
        return null;
    }

    /// <summary>It is not needed: destroys it when it is there. Does not wait. Any thread.</summary>
    public void Cancel()
    {
        lock (_gate)
        {
            _isTaken = false;
            if (_creation is { } creation)
            {
                _ending = creation.ContinueWith(End, CancellationToken.None, TaskContinuationOptions.LongRunning, TaskScheduler.Default);
                _creation = null;
            }
        }
    }

    /// <summary>It is not needed: returns when it is gone.</summary>
    public void CancelAndWait()
    {
        Cancel();
        Task ending;
        lock (_gate)
        {
            ending = _ending;
        }
        ending.Wait();
    }

    public void Dispose() => CancelAndWait();

    private void End(Task<PreparedDomain> created)
    {
        if (created.IsCompletedSuccessfully)
        {
            created.Result.Destroy();
        }
        else
        {
            logger.StandbyFailed(created.Exception!.InnerException!.Message);
        }
    }
}
