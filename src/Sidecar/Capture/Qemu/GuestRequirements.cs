// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Xml.Linq;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Disk.Graph;

namespace Hikae.Sidecar.Capture;

/// <summary>What a guest must not have to be protected. Everything that is not proven to work is refused, with the sentence its administrator reads.</summary>
internal static class GuestRequirements
{
    // Devices that write guest memory behind QEMU's page table, or keep state that no checkpoint holds.
    private static readonly Dictionary<string, string> RefusedDevices = new(StringComparer.Ordinal)
    {
        ["hostdev"] = "a passed-through host device writes guest memory where writes are not seen",
        ["filesystem"] = "a shared file system keeps state outside the guest",
        ["tpm"] = "a TPM keeps state outside the guest",
        ["shmem"] = "shared memory is written by others than the guest",
        ["redirdev"] = "a redirected USB device cannot move",
        ["smartcard"] = "a smart card cannot move",
        ["vsock"] = "a vsock is served by the host's kernel, which writes guest memory where writes are not seen",
        ["crypto"] = "a virtio crypto device is not proven to work",
        ["launchSecurity"] = "encrypted memory cannot be copied",
    };

    /// <summary>Whether this host has the device through which QEMU uses vhost-net.</summary>
    public static bool HostHasVhostNet => File.Exists("/dev/vhost-net");

    /// <summary>
    /// Throws <see cref="NotProtectableException"/> when nothing could decide between the two hosts, or when the annotation, which travels with a guest that is migrated,
    /// names this host itself.
    /// </summary>
    public static void CheckHosts(ProtectAnnotation annotation, HikaeConfiguration configuration)
    {
        if (!configuration.Arbiter.IsConfigured)
        {
            throw new NotProtectableException(ArbiterConfiguration.NoDirectoryReason);
        }
        if (annotation.Backup.Host == configuration.HostName)
        {
            throw new NotProtectableException(
                $"the annotation names {configuration.HostName} as the backup, and the guest runs there: name another host (hikae enable GUEST --backup HOST)");
        }
    }

    /// <summary>Throws <see cref="NotProtectableException"/> when the guest has disks that a backup of an older version could not take over.</summary>
    /// <param name="liveXml">The live domain XML.</param>
    /// <param name="outputs">What the annotation says about outputs.</param>
    /// <param name="backup">Who answered, and in which version.</param>
    public static void CheckBackup(string liveXml, GuestOutputs outputs, Welcome backup)
    {
        if (outputs is not GuestOutputs.Unheld && backup.Version < ReplicationVersion.WithMoreDisks && DomainDisks.AreForNewBackup(LiveXml.Parse(liveXml)))
        {
            throw new NotProtectableException($"{backup.Host} has an older Hikae, which cannot take over SATA disks and UEFI variable stores: upgrade it");
        }
    }

    /// <summary>Throws <see cref="NotProtectableException"/> naming everything that is in the way.</summary>
    /// <param name="liveXml">The live domain XML.</param>
    /// <param name="outputs">What the annotation says about outputs.</param>
    /// <param name="hasVhostNet">Whether this host can serve an interface by vhost-net: libvirt does so with each virtio one where the device exists.</param>
    public static void Check(string liveXml, GuestOutputs outputs, bool hasVhostNet)
    {
        XElement domain = LiveXml.Parse(liveXml);
        XElement? devices = domain.Element("devices");
        var reasons = new List<string>();

        foreach (XElement device in (devices?.Elements() ?? []).Concat(domain.Elements("launchSecurity")))
        {
            if (RefusedDevices.TryGetValue(device.Name.LocalName, out string? why))
            {
                reasons.Add($"{device.Name.LocalName}: {why}");
            }
        }
        foreach (XElement nic in devices?.Elements("interface") ?? [])
        {
            CheckInterface(nic, outputs, hasVhostNet, reasons);
        }
        foreach (XElement disk in devices?.Elements("disk") ?? [])
        {
            CheckDisk(disk, reasons);
        }
        if (outputs is not GuestOutputs.Unheld)
        {
            reasons.AddRange(DomainDisks.Refusals(domain));
        }
        foreach (XElement memory in devices?.Elements("memory") ?? [])
        {
            if (memory.Attribute("model")?.Value is { } model and not "dimm")
            {
                reasons.Add($"memory of model {model} is not proven to work");
            }
        }
        if (domain.Element("os")?.Element("varstore") is not null)
        {
            reasons.Add("a UEFI variable store outside of flash memory (varstore) is not supported");
        }
        if (domain.Element("memoryBacking")?.Element("hugepages") is not null)
        {
            reasons.Add("memory in huge pages is not supported yet");
        }
        if (domain.Element("memoryBacking")?.Element("locked") is not null && devices?.Elements("memory").Any() == true)
        {
            reasons.Add("locked memory together with memory devices is not proven to work");
        }
        if (domain.Element("os")?.Element("type")?.Attribute("arch")?.Value is { } architecture and not "x86_64")
        {
            reasons.Add($"architecture {architecture} is not supported, only x86_64");
        }
        if (reasons.Count > 0)
        {
            throw new NotProtectableException(string.Join("; ", reasons));
        }
    }

    private static void CheckInterface(XElement nic, GuestOutputs outputs, bool hasVhostNet, List<string> reasons)
    {
        string name = nic.Element("target")?.Attribute("dev")?.Value ?? nic.Element("mac")?.Attribute("address")?.Value ?? "?";
        string? type = nic.Attribute("type")?.Value;
        if (type is "vhostuser" or "vdpa" or "hostdev")
        {
            reasons.Add($"interface {name} of type {type} writes guest memory where writes are not seen");
        }
        else if (nic.Element("driver")?.Attribute("name")?.Value is not "qemu" && nic.Element("model")?.Attribute("type")?.Value is "virtio" or "virtio-transitional" or "virtio-non-transitional"
            && hasVhostNet)
        {
            reasons.Add($"interface {name} may be served by vhost-net, which writes guest memory where writes are not seen: give it <driver name='qemu'/>");
        }
        else if (outputs is not GuestOutputs.Unheld && nic.Element("driver")?.Attribute("queues")?.Value is { } queues and not "1")
        {
            reasons.Add($"interface {name} has {queues} queues, and QEMU lets packets be held of one only: remove queues='{queues}' from its <driver>");
        }
    }

    private static void CheckDisk(XElement disk, List<string> reasons)
    {
        string name = disk.Element("target")?.Attribute("dev")?.Value ?? "?";
        if (disk.Attribute("type")?.Value is "vhostuser" or "vhostvdpa" or "nvme")
        {
            reasons.Add($"disk {name} writes guest memory where writes are not seen");
        }
    }
}
