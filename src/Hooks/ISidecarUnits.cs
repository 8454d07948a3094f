// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks;

/// <summary>Starts and stops a guest's sidecar. Neither waits until the sidecar has done what it was asked for.</summary>
internal interface ISidecarUnits
{
    /// <summary>The guest runs: its sidecar shall too.</summary>
    void Start(string uuid);

    /// <summary>The guest has ended: its sidecar shall drain and go.</summary>
    void Stop(string uuid);
}
