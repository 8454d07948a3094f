// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Hikae.Native.Libvirt;

namespace Hikae.Sidecar.Capture;

/// <summary>QEMU's monitor, reached through libvirt's passthrough.</summary>
/// <remarks>
/// libvirt reports success when QEMU answered at all: QEMU's own errors come inside the JSON with return code 0.
/// So every reply is parsed here, and an "error" member becomes a <see cref="QemuMonitorException"/>.
/// </remarks>
internal sealed class QemuMonitor(Func<Domain> domain)
{
    /// <summary>For a guest whose connection lives as long as this object; the other form asks anew, for connections that are opened again.</summary>
    public QemuMonitor(Domain domain)
        : this(() => domain)
    {
    }

    /// <summary>Longest reply that is parsed. <c>info mtree -f</c> of a large guest stays below 1 MB.</summary>
    internal const int MaxReplyChars = 16 * 1024 * 1024;

    /// <summary>Runs a command without arguments and returns its "return" member.</summary>
    public JsonElement Execute(string command) => Parse(command, domain().MonitorCommand($$"""{"execute":"{{command}}"}"""));

    /// <summary>Runs a command whose arguments <paramref name="writeArguments"/> writes as members of one object.</summary>
    public JsonElement Execute(string command, Action<Utf8JsonWriter> writeArguments) =>
        Parse(command, domain().MonitorCommand(Format(command, writeArguments)));

    /// <summary>The same, passing one descriptor along (QMP add-fd, getfd).</summary>
    public JsonElement Execute(string command, Action<Utf8JsonWriter> writeArguments, SafeHandle descriptor) =>
        Parse(command, domain().MonitorCommand(Format(command, writeArguments), descriptor));

    /// <summary>Runs a command of QEMU's human monitor and returns its text.</summary>
    public string ExecuteHuman(string commandLine) =>
        Execute("human-monitor-command", writer => writer.WriteString("command-line", commandLine)).GetString()
        ?? throw new QemuMonitorException(commandLine, "no text came back");

    private static string Format(string command, Action<Utf8JsonWriter> writeArguments)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("execute", command);
            writer.WriteStartObject("arguments");
            writeArguments(writer);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static JsonElement Parse(string command, string reply)
    {
        if (reply.Length > MaxReplyChars)
        {
            throw new QemuMonitorException(command, $"a reply of {reply.Length} characters is above the limit of {MaxReplyChars}");
        }
        try
        {
            using JsonDocument document = JsonDocument.Parse(reply);
            JsonElement root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("return", out JsonElement value))
            {
                return value.Clone();
            }
            if (root.ValueKind == JsonValueKind.Object
                && root.TryGetProperty("error", out JsonElement error)
                && error.ValueKind == JsonValueKind.Object
                && error.TryGetProperty("desc", out JsonElement description))
            {
                throw new QemuMonitorException(command, description.ToString());
            }
        }
        catch (JsonException error)
        {
            throw new QemuMonitorException(command, $"the reply is not JSON ({error.Message})");
        }
        throw new QemuMonitorException(command, "the reply has neither \"return\" nor \"error\"");
    }
}
