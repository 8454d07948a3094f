// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Libvirt;

/// <summary>Whether a change is for the running guest, its definition, or both; libvirt's virDomainModificationImpact.</summary>
[Flags]
public enum DomainAffect
{
    /// <summary>VIR_DOMAIN_AFFECT_CURRENT: the running guest if it runs, else its definition.</summary>
    Current = 0,

    /// <summary>VIR_DOMAIN_AFFECT_LIVE: the running guest.</summary>
    Live = 1 << 0,

    /// <summary>VIR_DOMAIN_AFFECT_CONFIG: the definition, and so the next start.</summary>
    Config = 1 << 1,
}
