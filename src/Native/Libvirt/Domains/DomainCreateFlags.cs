// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Libvirt;

/// <summary>How a domain is started; the values of libvirt's virDomainCreateFlags.</summary>
[Flags]
public enum DomainCreateFlags
{
    /// <summary>VIR_DOMAIN_NONE.</summary>
    None = 0,

    /// <summary>VIR_DOMAIN_START_PAUSED: QEMU runs, the guest's processors wait for <see cref="Domain.Resume"/>.</summary>
    Paused = 1 << 0,

    /// <summary>VIR_DOMAIN_START_AUTODESTROY: libvirt kills the guest when this connection closes.</summary>
    AutoDestroy = 1 << 1,

    /// <summary>VIR_DOMAIN_START_BYPASS_CACHE: a managed save image is read around the page cache.</summary>
    BypassCache = 1 << 2,

    /// <summary>VIR_DOMAIN_START_FORCE_BOOT: a managed save image is thrown away.</summary>
    ForceBoot = 1 << 3,

    /// <summary>VIR_DOMAIN_START_VALIDATE: the XML must match the schema.</summary>
    Validate = 1 << 4,

    /// <summary>VIR_DOMAIN_START_RESET_NVRAM: firmware variables start from their template. Since libvirt 8.1.</summary>
    ResetNvram = 1 << 5,
}
