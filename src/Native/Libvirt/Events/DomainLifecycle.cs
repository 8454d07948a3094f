// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Libvirt;

/// <summary>The values of libvirt's virDomainEventType.</summary>
public enum DomainLifecycle
{
    /// <summary>VIR_DOMAIN_EVENT_DEFINED: also for a changed definition.</summary>
    Defined = 0,

    /// <summary>VIR_DOMAIN_EVENT_UNDEFINED.</summary>
    Undefined = 1,

    /// <summary>VIR_DOMAIN_EVENT_STARTED.</summary>
    Started = 2,

    /// <summary>VIR_DOMAIN_EVENT_SUSPENDED.</summary>
    Suspended = 3,

    /// <summary>VIR_DOMAIN_EVENT_RESUMED.</summary>
    Resumed = 4,

    /// <summary>VIR_DOMAIN_EVENT_STOPPED.</summary>
    Stopped = 5,

    /// <summary>VIR_DOMAIN_EVENT_SHUTDOWN: the guest is down, QEMU goes next.</summary>
    Shutdown = 6,

    /// <summary>VIR_DOMAIN_EVENT_PMSUSPENDED.</summary>
    PMSuspended = 7,

    /// <summary>VIR_DOMAIN_EVENT_CRASHED.</summary>
    Crashed = 8,
}
