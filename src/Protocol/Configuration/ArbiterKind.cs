// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Configuration;

/// <summary>Where hosts agree who runs a guest.</summary>
public enum ArbiterKind
{
    /// <summary>In a directory on shared storage.</summary>
    Directory,

    /// <summary>In an etcd cluster.</summary>
    Etcd,
}
