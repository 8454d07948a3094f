// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>The peer sent bytes that no further byte could make right. The link is closed; nothing of the open epoch is used.</summary>
public sealed class ReplicationProtocolException(string message) : Exception(message);
