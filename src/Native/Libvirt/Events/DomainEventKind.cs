// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Libvirt;

/// <summary>What a <see cref="DomainEvent"/> is about. Our own numbers, not libvirt's.</summary>
public enum DomainEventKind
{
    /// <summary>Never sent.</summary>
    Invalid = 0,

    /// <summary>Defined, started, paused, stopped …: Event is a <see cref="DomainLifecycle"/>, Detail libvirt's reason.</summary>
    Lifecycle,

    /// <summary>Title, description or a metadata element was set or removed: Event is libvirt's virDomainMetadataType, Text the XML namespace.</summary>
    MetadataChange,

    /// <summary>Text is the alias of the device that was attached.</summary>
    DeviceAdded,

    /// <summary>Text is the alias of the device that is gone.</summary>
    DeviceRemoved,

    /// <summary>The guest rebooted inside the same QEMU.</summary>
    Reboot,

    /// <summary>The guest took or gave back memory of a virtio-mem device; Text is its alias.</summary>
    MemoryDeviceSizeChange,

    /// <summary>A block job changed: Text is the disk's target, Event libvirt's virDomainBlockJobType, Detail its virConnectDomainEventBlockJobStatus.</summary>
    BlockJob,

    /// <summary>The reader was too slow and events were dropped: list the domains anew.</summary>
    Missed,

    /// <summary>libvirtd is gone. The last event.</summary>
    Closed,
}
