// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using System.Text.Json.Nodes;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Disk.Graph;

/// <summary>Options of blockdev-add, with QEMU's names (qapi/block-core.json).</summary>
internal static class NodeOptions
{
    // QEMU gives up and answers the guest with EIO after this; until then requests wait for a server that is restarted.
    private const int ReconnectDelaySeconds = 3600;
    private const int OpenTimeoutSeconds = 10;

    /// <summary>The -blockdev options of a command line, by node name; what is not JSON is passed over.</summary>
    public static Dictionary<string, JsonObject> FromCommandLine(IReadOnlyList<string> words)
    {
        var nodes = new Dictionary<string, JsonObject>(StringComparer.Ordinal);
        for (int i = 0; i + 1 < words.Count; i++)
        {
            if (words[i] == "-blockdev" && TryParse(words[i + 1]) is { } node && Text(node, "node-name") is { } name)
            {
                nodes[name] = node;
            }
        }
        return nodes;
    }

    /// <summary>The node that speaks to our server, in place of <paramref name="storage"/>: cache, discard and detect-zeroes as there.</summary>
    public static JsonObject Nbd(string name, string socketPath, JsonObject storage)
    {
        var node = new JsonObject
        {
            ["driver"] = "nbd",
            ["node-name"] = name,
            ["server"] = new JsonObject { ["type"] = "unix", ["path"] = socketPath },
            ["reconnect-delay"] = ReconnectDelaySeconds,
            ["open-timeout"] = OpenTimeoutSeconds,
        };
        foreach (string option in (ReadOnlySpan<string>)["cache", "discard", "detect-zeroes"])
        {
            if (storage[option] is { } value)
            {
                node[option] = value.DeepClone();
            }
        }
        return node;
    }

    /// <summary>The format node <paramref name="original"/> over another file.</summary>
    public static JsonObject FormatOver(string name, string file, JsonObject original)
    {
        var node = (JsonObject)original.DeepClone();
        node["node-name"] = name;
        node["file"] = file;
        return node;
    }

    /// <summary>A node that answers every request with EIO and has a size.</summary>
    public static JsonObject Gap(string name, long bytes) => new()
    {
        ["driver"] = "blkdebug",
        ["node-name"] = name,
        ["image"] = new JsonObject { ["driver"] = "null-co", ["size"] = bytes, ["read-zeroes"] = true },
        ["inject-error"] = new JsonArray(new JsonObject { ["event"] = "none", ["errno"] = 5 }),
    };

    /// <summary>Parses what <see cref="GuestDisk.Nodes"/> holds.</summary>
    public static JsonObject Parse(string text) => TryParse(text) ?? throw new FormatException("A block node's options are not a JSON object.");

    /// <summary>A member that is a string; else null.</summary>
    public static string? Text(JsonObject node, string member) =>
        node[member] is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    /// <summary>blockdev-add.</summary>
    public static void Add(QemuMonitor monitor, JsonObject node) => monitor.Execute("blockdev-add", writer =>
    {
        foreach ((string name, JsonNode? value) in node)
        {
            writer.WritePropertyName(name);
            if (value is null)
            {
                writer.WriteNullValue();
            }
            else
            {
                value.WriteTo(writer);
            }
        }
    });

    private static JsonObject? TryParse(string text)
    {
        try
        {
            return JsonNode.Parse(text) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
