// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Disk.Graph;

/// <summary>QEMU's block devices and nodes at one moment.</summary>
internal sealed class QemuBlocks
{
    private const string Peripheral = "/machine/peripheral/";

    private QemuBlocks(IReadOnlyList<BlockDevice> devices, Dictionary<string, JsonElement> nodes)
    {
        Devices = devices;
        Nodes = nodes;
    }

    /// <summary>Those with a medium.</summary>
    public IReadOnlyList<BlockDevice> Devices { get; }

    /// <summary>By name, as query-named-block-nodes gives them.</summary>
    public IReadOnlyDictionary<string, JsonElement> Nodes { get; }

    /// <summary>Devices only: one monitor command.</summary>
    public static IReadOnlyList<BlockDevice> ReadDevices(QemuMonitor monitor)
    {
        var devices = new List<BlockDevice>();
        foreach (JsonElement entry in monitor.Execute("query-block").EnumerateArray())
        {
            if (entry.TryGetProperty("inserted", out JsonElement inserted))
            {
                devices.Add(new BlockDevice(
                    AliasOf(entry.TryGetProperty("qdev", out JsonElement qdev) ? qdev.GetString() : null),
                    inserted.TryGetProperty("node-name", out JsonElement node) ? node.GetString() ?? "" : "",
                    inserted.GetProperty("ro").GetBoolean()));
            }
        }
        return devices;
    }

    public static QemuBlocks Read(QemuMonitor monitor)
    {
        IReadOnlyList<BlockDevice> devices = ReadDevices(monitor);
        return new QemuBlocks(devices, ReadNodes(monitor));
    }

    public static Dictionary<string, JsonElement> ReadNodes(QemuMonitor monitor)
    {
        var nodes = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (JsonElement node in monitor.Execute("query-named-block-nodes", writer => writer.WriteBoolean("flat", true)).EnumerateArray())
        {
            nodes[node.GetProperty("node-name").GetString()!] = node;
        }
        return nodes;
    }

    // "/machine/peripheral/virtio-disk0/virtio-backend", the bare id of a SCSI disk, or "/machine/system.flash1".
    private static string AliasOf(string? qdev) => qdev switch
    {
        null => "",
        FirmwareStore.QomPath => FirmwareStore.Alias,
        _ when qdev.StartsWith(Peripheral, StringComparison.Ordinal) => qdev[Peripheral.Length..].Split('/')[0],
        _ => qdev,
    };
}
