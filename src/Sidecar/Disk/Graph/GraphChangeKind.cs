// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Graph;

/// <summary>What became of a guest's disks, the gravest last.</summary>
internal enum GraphChangeKind
{
    /// <summary>Never reported.</summary>
    None = 0,

    /// <summary>A disk of ours was unplugged: what it wrote still goes to its image; then <see cref="BlockGraph.Forget"/>.</summary>
    Removed,

    /// <summary>A writable disk was plugged in, its writes do not pass us: no checkpoint since then may count. Discover and insert.</summary>
    Added,

    /// <summary>The device writes to something else than our node: the guest is not protected from this moment.</summary>
    Replaced,
}
