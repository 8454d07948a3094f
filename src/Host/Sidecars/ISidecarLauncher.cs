// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Host.Control;

namespace Hikae.Host.Sidecars;

/// <summary>Starts sidecar processes that outlive hikaed.</summary>
internal interface ISidecarLauncher
{
    /// <summary>Returns when the process is under way, which is long before it registers.</summary>
    /// <exception cref="SidecarStartException">It could not be started.</exception>
    Task StartAsync(SidecarKey sidecar, CancellationToken cancellationToken);
}
