// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Libvirt;

/// <summary>What a domain is doing; the values of libvirt's virDomainState.</summary>
public enum DomainState
{
    /// <summary>VIR_DOMAIN_NOSTATE: the driver cannot say.</summary>
    NoState = 0,

    /// <summary>VIR_DOMAIN_RUNNING.</summary>
    Running = 1,

    /// <summary>VIR_DOMAIN_BLOCKED: waits for a resource.</summary>
    Blocked = 2,

    /// <summary>VIR_DOMAIN_PAUSED: its processors stand still; the reason says for whom.</summary>
    Paused = 3,

    /// <summary>VIR_DOMAIN_SHUTDOWN: the guest is on its way down, QEMU is still there.</summary>
    Shutdown = 4,

    /// <summary>VIR_DOMAIN_SHUTOFF: defined, not running.</summary>
    Shutoff = 5,

    /// <summary>VIR_DOMAIN_CRASHED.</summary>
    Crashed = 6,

    /// <summary>VIR_DOMAIN_PMSUSPENDED: the guest put itself to sleep.</summary>
    PMSuspended = 7,
}
