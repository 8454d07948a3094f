// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Libvirt;

/// <summary>Which XML of a domain is wanted; the values of libvirt's virDomainXMLFlags.</summary>
[Flags]
public enum DomainXmlFlags
{
    /// <summary>The XML of what runs now, or the definition if nothing runs.</summary>
    None = 0,

    /// <summary>VIR_DOMAIN_XML_SECURE: with passwords.</summary>
    Secure = 1 << 0,

    /// <summary>VIR_DOMAIN_XML_INACTIVE: the definition, also while something runs.</summary>
    Inactive = 1 << 1,

    /// <summary>VIR_DOMAIN_XML_UPDATE_CPU: the processor model as this host would give it.</summary>
    UpdateCpu = 1 << 2,

    /// <summary>VIR_DOMAIN_XML_MIGRATABLE: what another host needs to build the same machine, and nothing of this host.</summary>
    Migratable = 1 << 3,
}
