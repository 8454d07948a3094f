// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Xml.Linq;

namespace Hikae.Sidecar.Disk.Graph;

/// <summary>The disks of a domain, and what of them cannot be interposed. What is not proven to work is refused.</summary>
internal static class DomainDisks
{
    // Elements below <source> that change nothing of how the image is read and written.
    private static readonly HashSet<string> HarmlessSource = new(StringComparer.Ordinal) { "seclabel", "privateData", "address" };

    /// <summary>All disks, floppies and CD drives, and the firmware's variable store, if it has one.</summary>
    /// <param name="domain">The live XML, or one that is to be started.</param>
    public static IReadOnlyList<DomainDisk> Read(XElement domain)
    {
        XElement? devices = domain.Element("devices");
        Dictionary<string, string> scsiThreads = (devices?.Elements("controller") ?? [])
            .Where(controller => controller.Attribute("type")?.Value == "scsi" && controller.Element("driver")?.Attribute("iothread") is not null)
            .ToDictionary(
                controller => controller.Attribute("index")?.Value ?? "0",
                controller => "iothread" + controller.Element("driver")!.Attribute("iothread")!.Value,
                StringComparer.Ordinal);
        HashSet<string> mappedControllers = [.. (devices?.Elements("controller") ?? [])
            .Where(controller => controller.Element("driver")?.Element("iothreads") is not null)
            .Select(controller => controller.Attribute("index")?.Value ?? "0")];

        return
        [
            .. (devices?.Elements("disk") ?? []).Select(disk => Read(disk, scsiThreads, mappedControllers)),
            .. domain.Elements("os").SelectMany(FirmwareStore.Read),
        ];
    }

    /// <summary>One sentence part for each disk that cannot be protected; empty = none is in the way.</summary>
    /// <inheritdoc cref="Read(XElement)"/>
    public static IReadOnlyList<string> Refusals(XElement domain) =>
        [.. Read(domain).Where(disk => disk is { IsLeftAlone: false, Refusal: not null }).Select(disk => $"{disk.Called} {disk.Refusal}")];

    /// <summary>The guest cannot write it.</summary>
    public static bool IsLeftAlone(XElement disk) => (disk.Attribute("device")?.Value ?? "disk") switch
    {
        "cdrom" => true,
        "disk" => disk.Element("readonly") is not null,
        _ => false,
    };

    /// <summary>Whether there are some that are held and that only a backup of <see cref="Protocol.Replication.ReplicationVersion.WithMoreDisks"/> takes over.</summary>
    public static bool AreForNewBackup(XElement domain) =>
        Read(domain).Any(disk => disk.IsFirmwareStore || disk is { IsLeftAlone: false, Bus: "sata" });

    /// <summary>Why an image of this format cannot be protected; null: it can.</summary>
    internal static string? FormatRefusal(string? format) => format is null or "raw" or "qcow2" ? null : $"has format {format}, only raw and qcow2 can be protected";

    /// <summary>Why an image that is named in this way cannot be protected; null: it can.</summary>
    internal static string? SourceRefusal(XElement? source) =>
        source?.Attribute("fdgroup") is not null ? "has an image that was passed as a descriptor"
        : source?.Elements().FirstOrDefault(element => !HarmlessSource.Contains(element.Name.LocalName)) is { } element ? $"has <{element.Name.LocalName}> in its source, which is not supported"
        : null;

    private static DomainDisk Read(XElement disk, Dictionary<string, string> scsiThreads, HashSet<string> mappedControllers)
    {
        XElement driver = disk.Element("driver") ?? new XElement("driver");
        XElement? source = disk.Element("source");
        string bus = disk.Element("target")?.Attribute("bus")?.Value ?? "?";
        string controller = disk.Element("address")?.Attribute("controller")?.Value ?? "0";
        string device = disk.Attribute("device")?.Value ?? "disk";
        bool isBlock = disk.Attribute("type")?.Value == "block";
        string? thread = driver.Attribute("iothread") is { } own ? "iothread" + own.Value
            : bus == "scsi" ? scsiThreads.GetValueOrDefault(controller) : null;

        return new DomainDisk(
            disk.Element("target")?.Attribute("dev")?.Value ?? "?",
            bus,
            disk.Element("alias")?.Attribute("name")?.Value ?? "",
            IsLeftAlone(disk),
            Refusal(disk, driver, source, device, bus) ?? (bus == "scsi" && mappedControllers.Contains(controller) ? "has a controller with several I/O threads, which is not proven to work" : null),
            driver.Attribute("type")?.Value ?? "raw",
            source?.Attribute(isBlock ? "dev" : "file")?.Value ?? "",
            isBlock,
            thread,
            driver);
    }

    private static string? Refusal(XElement disk, XElement driver, XElement? source, string device, string bus) => (disk, driver) switch
    {
        _ when device != "disk" => $"is a {device}, only ordinary disks can be protected",
        _ when disk.Attribute("type")?.Value is var type and not ("file" or "block") => $"is of type {type}, only files and block devices can be protected",
        _ when bus is not ("virtio" or "scsi" or "sata") => $"is on bus {bus}, only virtio, scsi and sata are proven to work",
        _ when driver.Attribute("name")?.Value is { } name and not "qemu" => $"has driver {name}",
        _ when FormatRefusal(driver.Attribute("type")?.Value) is { } refusal => refusal,
        _ when disk.Attribute("type")?.Value == "block" && driver.Attribute("type")?.Value == "qcow2" => "is a qcow2 image on a block device, which is not proven to work",
        _ when disk.Element("shareable") is not null => "is shared with others (<shareable/>)",
        _ when disk.Element("transient") is not null => "is transient: it has an overlay that is thrown away",
        _ when disk.Element("encryption") is not null || source?.Element("encryption") is not null => "is encrypted, which is not supported",
        _ when disk.Element("mirror") is not null => "has a block job under way",
        _ when disk.Element("backingStore")?.Elements().Any() == true => "has a backing chain; flatten it first (virsh blockpull)",
        _ when disk.Element("throttlefilters") is not null => "has throttle filters, which are not supported (<iotune> is)",
        _ when driver.Attribute("copy_on_read")?.Value == "on" => "has copy_on_read",
        _ when driver.Element("iothreads") is not null => "has several I/O threads, which is not proven to work",
        _ when SourceRefusal(source) is { } refusal => refusal,
        _ when string.IsNullOrEmpty(source?.Attribute("file")?.Value ?? source?.Attribute("dev")?.Value) => "has no image",
        _ => null,
    };
}
