// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;

namespace Hikae.Sidecar.Recovery;

/// <summary>The kernel's timer, for a lease that is measured by <see cref="BootTimeProvider"/>.</summary>
internal sealed class KernelDeathTimer : IDeathTimer, IDisposable
{
    private readonly DeathTimer _timer = new();

    public void Arm(long timestamp) => _timer.Arm(timestamp);

    public void Disarm() => _timer.Disarm();

    public void Dispose() => _timer.Dispose();
}
