// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Collections.Concurrent;
using Hikae.Host.Control;
using Hikae.Host.Sidecars;

namespace Hikae.Host.Tests;

/// <summary>Starts whatever the test says, by default nothing, and notes what was asked for.</summary>
internal sealed class FakeLauncher : ISidecarLauncher
{
    public ConcurrentQueue<SidecarKey> Started { get; } = new();

    public Func<SidecarKey, Task> OnStart { get; set; } = _ => Task.CompletedTask;

    public Task StartAsync(SidecarKey sidecar, CancellationToken cancellationToken)
    {
        Started.Enqueue(sidecar);
        return OnStart(sidecar);
    }
}
