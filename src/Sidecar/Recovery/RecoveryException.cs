// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Recovery;

/// <summary>The guest could not be started from its replica; the message says at which step and why.</summary>
internal sealed class RecoveryException(string message, Exception? cause = null) : Exception(message, cause);
