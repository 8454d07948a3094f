// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Chaos;

/// <summary>What can happen to a host.</summary>
public enum FaultKind
{
    /// <summary>The host is off at once and boots when the round is over.</summary>
    PowerCut,

    /// <summary>No frame passes between it and the other host.</summary>
    CutReplication,

    /// <summary>No frame passes between it and the clients.</summary>
    CutLan,

    /// <summary>Both networks at once.</summary>
    CutBoth,

    /// <summary>All its processes stand still, the guest too.</summary>
    Freeze,

    /// <summary>kill -9 of the guest's sidecar.</summary>
    KillSidecar,

    /// <summary>kill -9 of hikaed, which is started again.</summary>
    KillDaemon,

    /// <summary>kill -9 of libvirtd, which is started again.</summary>
    KillLibvirtd,

    /// <summary>The guest's sidecar stands still, and with it the guest's disks.</summary>
    FreezeSidecar,

    /// <summary>hikaed stands still.</summary>
    FreezeDaemon,

    /// <summary>libvirtd stands still.</summary>
    FreezeLibvirtd,
}
