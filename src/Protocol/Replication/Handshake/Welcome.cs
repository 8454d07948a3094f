// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>The backup's acceptance.</summary>
/// <param name="Version">The version both speak from here on.</param>
/// <param name="Host">The backup's host name.</param>
/// <param name="DetectMs">Milliseconds of silence after which the backup calls the link lost.</param>
public sealed record Welcome(int Version, string Host, int DetectMs);
