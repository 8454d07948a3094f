// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Tests.Recovery;

/// <summary>A handler that does not return before it is let go; whoever subscribed after it is late by that.</summary>
internal sealed class LateHandler : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ManualResetEventSlim _entered = new();
    private readonly ManualResetEventSlim _go = new();

    /// <summary>To be subscribed.</summary>
    public void Handle()
    {
        _entered.Set();
        _go.Wait(Patience);
    }

    /// <summary>Returns when the event is being handled.</summary>
    public void WaitUntilEntered() => Xunit.Assert.True(_entered.Wait(Patience), "the event was never raised");

    /// <summary>It may return.</summary>
    public void Go() => _go.Set();

    public void Dispose()
    {
        _go.Set();
        _entered.Dispose();
    }
}
