// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Ownership.Etcd;

/// <summary>What a key holds.</summary>
/// <param name="Text">Its value as UTF-8.</param>
/// <param name="ModRevision">The cluster's revision in which it was written: it names this very state of the key.</param>
public sealed record EtcdValue(string Text, long ModRevision);
