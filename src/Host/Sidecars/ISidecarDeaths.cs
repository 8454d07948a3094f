// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Host.Control;

namespace Hikae.Host.Sidecars;

/// <summary>Who wants to know that a sidecar's connection ended.</summary>
internal interface ISidecarDeaths
{
    /// <summary>It said goodbye before. Must not wait.</summary>
    void Left(RegisteredSidecar sidecar);

    /// <summary>It said no goodbye. Must not wait: the control socket's task calls it.</summary>
    void Lost(RegisteredSidecar sidecar);
}
