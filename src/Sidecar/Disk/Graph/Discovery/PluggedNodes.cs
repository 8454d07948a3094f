// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hikae.Sidecar.Disk.Graph;

/// <summary>The node options of a disk that was plugged into the running guest, put together as libvirt does (src/qemu/qemu_block.c).</summary>
/// <remarks>Only what libvirt writes for these driver attributes is known; a disk with others is refused rather than put back with an option missing.</remarks>
internal static class PluggedNodes
{
    private static readonly HashSet<string> KnownAttributes = new(StringComparer.Ordinal)
    {
        "name", "type", "cache", "io", "discard", "detect_zeroes",
        // These belong to the device, not to its nodes.
        "iothread", "queues", "queue_size", "error_policy", "rerror_policy", "event_idx", "ioeventfd", "packed", "page_per_vq", "iommu", "ats",
    };

    /// <param name="disk">The disk in the XML.</param>
    /// <param name="root">The device's node, of query-named-block-nodes.</param>
    /// <param name="blocks">All nodes.</param>
    /// <param name="nodes">Bottom first.</param>
    /// <param name="reason">When false: why not.</param>
    public static bool TryBuild(DomainDisk disk, JsonElement root, QemuBlocks blocks, out JsonObject[] nodes, [NotNullWhen(false)] out string? reason)
    {
        nodes = [];
        string name = root.GetProperty("node-name").GetString()!;
        string driver = root.GetProperty("drv").GetString()!;
        string? unknown = disk.Driver.Attributes().FirstOrDefault(attribute => !KnownAttributes.Contains(attribute.Name.LocalName))?.Name.LocalName
            ?? disk.Driver.Elements().FirstOrDefault()?.Name.LocalName;
        if (unknown is not null)
        {
            reason = $"was plugged in with the driver option {unknown}, which cannot be read back from QEMU: stop and start the guest";
            return false;
        }
        if (driver is "file" or "host_device" && disk.Format is "raw")
        {
            reason = null;
            nodes = [Storage(disk, name, driver, root, belowFormat: false)];
            return true;
        }
        string storageName = name.Replace("-format", "-storage", StringComparison.Ordinal);
        if (driver != disk.Format || storageName == name || !blocks.Nodes.TryGetValue(storageName, out JsonElement storage)
            || storage.GetProperty("drv").GetString() is not ("file" or "host_device"))
        {
            reason = $"has a node {name} of driver {driver} that was made while the guest ran: stop and start the guest";
            return false;
        }
        reason = null;
        nodes = [Storage(disk, storageName, storage.GetProperty("drv").GetString()!, storage, belowFormat: true), Format(disk, name, storageName, driver, root)];
        return true;
    }

    private static JsonObject Storage(DomainDisk disk, string name, string driver, JsonElement node, bool belowFormat)
    {
        var options = new JsonObject { ["driver"] = driver, ["filename"] = disk.Source };
        if (disk.Driver.Attribute("io")?.Value is { } io)
        {
            options["aio"] = io;
        }
        options["node-name"] = name;
        if (belowFormat)
        {
            options["auto-read-only"] = true;
            options["discard"] = "unmap";
        }
        else
        {
            options["read-only"] = false;
            AddDiscard(options, disk, node);
        }
        options["cache"] = Cache(node);
        return options;
    }

    private static JsonObject Format(DomainDisk disk, string name, string file, string driver, JsonElement node)
    {
        var options = new JsonObject { ["node-name"] = name, ["read-only"] = false };
        AddDiscard(options, disk, node);
        options["cache"] = Cache(node);
        options["driver"] = driver;
        options["file"] = file;
        if (driver is "qcow2")
        {
            options["backing"] = null;
        }
        return options;
    }

    private static void AddDiscard(JsonObject options, DomainDisk disk, JsonElement node)
    {
        if (disk.Driver.Attribute("discard")?.Value is { } discard)
        {
            options["discard"] = discard;
        }
        if (node.GetProperty("detect_zeroes").GetString() is { } zeroes and not "off")
        {
            options["detect-zeroes"] = zeroes;
        }
    }

    private static JsonObject Cache(JsonElement node)
    {
        JsonElement cache = node.GetProperty("cache");
        return new JsonObject { ["direct"] = cache.GetProperty("direct").GetBoolean(), ["no-flush"] = cache.GetProperty("no-flush").GetBoolean() };
    }
}
