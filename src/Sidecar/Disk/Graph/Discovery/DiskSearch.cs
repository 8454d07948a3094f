// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using System.Text.Json.Nodes;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Disk.Graph;

/// <summary>Finds a running guest's writable disks with all that is needed to interpose them, or the sentences why they cannot be.</summary>
/// <remarks>
/// The XML says what libvirt believes, the monitor what is. The options of a node cannot all be asked for, so they come from the command line
/// that libvirt wrote; for a disk that was plugged in later they are put together as libvirt does it, from XML and monitor.
/// </remarks>
internal sealed class DiskSearch(QemuMonitor monitor, IReadOnlyList<string> commandLine, InsertedDisks inserted)
{
    private const string DescriptorPath = "/dev/fdset/";
    private const long Gibibyte = 1L << 30;

    private readonly Dictionary<string, JsonObject> _commandLineNodes = NodeOptions.FromCommandLine(commandLine);
    private readonly List<string> _reasons = [];

    /// <summary>Throws <see cref="NotProtectableException"/> naming every disk that is in the way, and why.</summary>
    public IReadOnlyList<GuestDisk> Run(string liveXml)
    {
        IReadOnlyList<DomainDisk> all = DomainDisks.Read(LiveXml.Parse(liveXml));
        QemuBlocks blocks = QemuBlocks.Read(monitor);
        var found = new List<GuestDisk>();
        foreach (DomainDisk disk in all.Where(disk => !disk.IsLeftAlone))
        {
            if (disk.Refusal is { } refusal)
            {
                Refuse(disk, refusal);
            }
            else if (Find(disk, blocks) is { } guestDisk)
            {
                found.Add(guestDisk);
            }
        }
        foreach (BlockDevice device in blocks.Devices.Where(device => !device.IsReadOnly && !all.Any(disk => disk.Alias == device.Alias)))
        {
            _reasons.Add($"QEMU has a writable disk {device.Alias} ({device.Node}) that libvirt does not know");
        }
        if (monitor.Execute("query-block-jobs").GetArrayLength() > 0)
        {
            _reasons.Add("a block job is under way");
        }
        if (monitor.Execute("query-block-exports").GetArrayLength() > 0)
        {
            _reasons.Add("QEMU exports a disk, as for a backup");
        }
        if (_reasons.Count > 0)
        {
            throw new NotProtectableException(string.Join("; ", _reasons));
        }
        return found;
    }

    private GuestDisk? Find(DomainDisk disk, QemuBlocks blocks)
    {
        BlockDevice device = blocks.Devices.FirstOrDefault(device => device.Alias == disk.Alias);
        if (disk.Alias.Length == 0 || device.Alias is null)
        {
            return Refuse(disk, "has no medium in QEMU");
        }
        if (inserted.Find(disk.Alias) is { } ours && device.Node == new NodeNames(disk.Alias).Root)
        {
            return ours.Disk;
        }
        if (device.Node.StartsWith(NodeNames.Prefix, StringComparison.Ordinal))
        {
            return Refuse(disk, $"has our node {device.Node}, and what was there before is not known any more: stop and start the guest");
        }
        if (!blocks.Nodes.TryGetValue(device.Node, out JsonElement root))
        {
            return Refuse(disk, $"changes just now ({device.Node} is gone)");
        }
        if (Options(disk, root, blocks) is not { } nodes)
        {
            return null;
        }
        return Trouble(root, nodes, blocks) is { } trouble ? Refuse(disk, trouble) : Describe(disk, root, nodes);
    }

    private static GuestDisk Describe(DomainDisk disk, JsonElement root, JsonObject[] nodes)
    {
        long bytes = root.GetProperty("image").GetProperty("virtual-size").GetInt64();
        long file = disk.Format is "raw" ? 0
            : root.GetProperty("image").TryGetProperty("children", out JsonElement children) && children.GetArrayLength() > 0
                ? children[0].GetProperty("info").GetProperty("virtual-size").GetInt64()
                : 0;
        return new GuestDisk(
            disk.Alias,
            disk.Target,
            disk.Source,
            disk.Format,
            disk.IsBlockDevice,
            // A qcow2 file holds the disk, tables of some per cent, and whatever internal snapshots keep.
            disk.Format is "raw" ? bytes : (Math.Max(bytes, file) * 4) + (16 * Gibibyte),
            bytes,
            disk.IoThread,
            [.. nodes.Select(node => node.ToJsonString())]);
    }

    /// <summary>Bottom first; null: refused.</summary>
    private JsonObject[]? Options(DomainDisk disk, JsonElement root, QemuBlocks blocks)
    {
        string name = root.GetProperty("node-name").GetString()!;
        string driver = root.GetProperty("drv").GetString()!;
        if (!_commandLineNodes.TryGetValue(name, out JsonObject? options))
        {
            return PluggedNodes.TryBuild(disk, root, blocks, out JsonObject[] built, out string? reason) ? built : Refused(disk, reason);
        }
        if (NodeOptions.Text(options, "driver") != driver)
        {
            return Refused(disk, $"has a node {name} of driver {driver}, and another one stands on QEMU's command line");
        }
        if (driver is "file" or "host_device")
        {
            return disk.Format is "raw" ? [options] : Refused(disk, $"is said to be {disk.Format}, and QEMU reads it as raw");
        }
        string? file = NodeOptions.Text(options, "file");
        if (driver != disk.Format || file is null || !_commandLineNodes.TryGetValue(file, out JsonObject? storage) || !blocks.Nodes.ContainsKey(file))
        {
            return Refused(disk, $"has a node of driver {driver}, which is not supported");
        }
        if (driver is "raw" && (options.ContainsKey("offset") || options.ContainsKey("size")))
        {
            return Refused(disk, "is a part of its image only");
        }
        return [storage, options];
    }

    private static string? Trouble(JsonElement root, JsonObject[] nodes, QemuBlocks blocks)
    {
        JsonElement image = root.GetProperty("image");
        string? path = NodeOptions.Text(nodes[0], "filename");
        if (path is null || NodeOptions.Text(nodes[0], "driver") is not ("file" or "host_device"))
        {
            return "is not a file or block device to QEMU";
        }
        if (path.StartsWith(DescriptorPath, StringComparison.Ordinal))
        {
            return "has an image that was passed as a descriptor";
        }
        if (image.TryGetProperty("backing-filename", out _) || nodes[^1]["backing"] is not null)
        {
            return "has a backing chain; flatten it first (virsh blockpull)";
        }
        if (image.TryGetProperty("encrypted", out JsonElement encrypted) && encrypted.GetBoolean())
        {
            return "is encrypted, which is not supported";
        }
        foreach (JsonObject node in nodes)
        {
            if (blocks.Nodes[NodeOptions.Text(node, "node-name")!].TryGetProperty("dirty-bitmaps", out JsonElement bitmaps) && bitmaps.GetArrayLength() > 0)
            {
                return "has dirty bitmaps, as of a backup's checkpoint; delete the checkpoint first (virsh checkpoint-delete)";
            }
        }
        if (!image.TryGetProperty("format-specific", out JsonElement specific) || !specific.TryGetProperty("data", out JsonElement data))
        {
            return null;
        }
        return data.TryGetProperty("bitmaps", out JsonElement persistent) && persistent.GetArrayLength() > 0 ? "has persistent bitmaps, as of a backup's checkpoint; delete the checkpoint first (virsh checkpoint-delete)"
            : data.TryGetProperty("data-file", out _) ? "has an external data file, which is not supported"
            : data.TryGetProperty("corrupt", out JsonElement corrupt) && corrupt.GetBoolean() ? "is marked as corrupt; see qemu-img check"
            : null;
    }

    private GuestDisk? Refuse(DomainDisk disk, string reason)
    {
        _reasons.Add($"{disk.Called} {reason}");
        return null;
    }

    private JsonObject[]? Refused(DomainDisk disk, string? reason)
    {
        Refuse(disk, reason ?? "cannot be protected");
        return null;
    }
}
