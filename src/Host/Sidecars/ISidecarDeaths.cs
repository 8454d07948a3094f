// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Host.Control;

namespace Hikae.Host.Sidecars;

/// <summary>Who wants to know that a sidecar's connection ended without a goodbye.</summary>
internal interface ISidecarDeaths
{
    /// <summary>Must not wait: the control socket's task calls it.</summary>
    void Lost(RegisteredSidecar sidecar);
}
