// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Host.Sidecars;

/// <summary>A sidecar could not be started: the administrator must look at the installation. The guest runs on, unprotected.</summary>
internal sealed class SidecarStartException(string message) : Exception(message);
