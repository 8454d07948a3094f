// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Libvirt;

/// <summary>What goes away with a definition; the values of libvirt's virDomainUndefineFlagsValues.</summary>
[Flags]
public enum DomainUndefineFlags
{
    /// <summary>Refused by libvirt if the domain has any of the things below.</summary>
    None = 0,

    /// <summary>VIR_DOMAIN_UNDEFINE_MANAGED_SAVE: its managed save image goes too.</summary>
    ManagedSave = 1 << 0,

    /// <summary>VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA: what libvirt knows of its snapshots goes too.</summary>
    SnapshotsMetadata = 1 << 1,

    /// <summary>VIR_DOMAIN_UNDEFINE_NVRAM: its firmware variables go too.</summary>
    Nvram = 1 << 2,

    /// <summary>VIR_DOMAIN_UNDEFINE_KEEP_NVRAM: its firmware variables stay.</summary>
    KeepNvram = 1 << 3,
}
