// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Hikae.Bench.Colo;

/// <summary>QEMU's monitor over its unix socket, one command at a time; events are passed over.</summary>
internal sealed class QmpConnection : IDisposable
{
    // A QEMU that is dead-locked does not answer at all.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly StreamReader _reader;
    private readonly NetworkStream _stream;

    /// <param name="path">Outside path of the socket; at most 107 bytes.</param>
    public QmpConnection(string path)
    {
        _socket.ReceiveTimeout = (int)Patience.TotalMilliseconds;
        _socket.Connect(new UnixDomainSocketEndPoint(path));
        _stream = new NetworkStream(_socket);
        _reader = new StreamReader(_stream);
        _reader.ReadLine();
        Execute("qmp_capabilities");
    }

    /// <summary>What the command returns; throws <see cref="InvalidOperationException"/> with QEMU's words when it fails.</summary>
    public JsonElement Execute(string command, JsonObject? arguments = null)
    {
        var request = new JsonObject { ["execute"] = command };
        if (arguments is not null)
        {
            request["arguments"] = arguments;
        }
        _stream.Write(JsonSerializer.SerializeToUtf8Bytes(request));
        while (_reader.ReadLine() is { } line)
        {
            JsonElement answer = JsonDocument.Parse(line).RootElement;
            if (answer.TryGetProperty("return", out JsonElement value))
            {
                return value;
            }
            if (answer.TryGetProperty("error", out JsonElement error))
            {
                throw new InvalidOperationException($"QEMU refuses {command}: {error.GetProperty("desc").GetString()}");
            }
        }
        throw new InvalidOperationException($"QEMU closed its monitor during {command}.");
    }

    public void Dispose()
    {
        _reader.Dispose();
        _stream.Dispose();
        _socket.Dispose();
    }
}
