// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Configuration;

/// <summary>How the replication link is protected against other machines on its network.</summary>
public enum LinkSecurity
{
    /// <summary>TLS 1.3, both ends show a certificate.</summary>
    Required,

    /// <summary>Anybody on the network can read and change the guest's memory. For test hosts without certificates.</summary>
    PlaintextForTestsOnly,
}
