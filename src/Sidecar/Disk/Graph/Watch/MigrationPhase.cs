// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Graph;

/// <summary>What QEMU's word for the state of a migration means to the disks.</summary>
internal enum MigrationPhase
{
    /// <summary>None has begun.</summary>
    None = 0,

    /// <summary>It is under way, or a word we do not know, which is taken for that.</summary>
    UnderWay,

    /// <summary>The guest's state has been sent whole.</summary>
    Completed,

    /// <summary>Failed or cancelled: the guest stays.</summary>
    Ended,
}
