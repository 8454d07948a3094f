// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Configuration;

/// <summary>Section [disk]: what a guest's disk writes may take of this host's memory while they are held.</summary>
public sealed record DiskConfiguration
{
    /// <summary>A disk of a guest that runs here: beyond this its writes are slowed down. A guest that writes 1 GB/s fills it in two checkpoints of the usual pace.</summary>
    public long BufferBytes { get; init; } = 256L << 20;
}
