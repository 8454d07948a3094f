// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar;

/// <summary>The other host's sidecar is gone, silent or untrustworthy. The primary runs on, unprotected, and reconnects; the backup asks the arbiter.</summary>
internal sealed class PeerLostException(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>True when the peer was silent for longer than it may be; false when the connection ended or made no sense.</summary>
    public bool IsSilence { get; init; }
}
