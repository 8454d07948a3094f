// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Hikae.Hooks;

/// <summary>Asks hikaed, which asks the arbiter. Without an answer a guest that may run elsewhere is not started.</summary>
/// <remarks>
/// The messages are those of src/Protocol/Control, written and read here by hand: its serializer would double the hook's size.
/// The request is <c>askStart</c>, the answer <c>result</c>; each is a big-endian length and that much JSON.
/// </remarks>
internal sealed class DaemonPermission(string socketPath, TimeSpan limit) : IStartPermission
{
    /// <summary>hikaed answers within two seconds, whatever its arbiter does; libvirt's other callers wait as long as we do.</summary>
    internal static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(4);

    private const int PrefixBytes = 4;
    private const int MaxAnswerBytes = 64 << 10;

    public string? WhyNot(string guest, string uuid) => WhyNot(guest, $$"""{"type":"askStart","uuid":"{{uuid}}"}""", isMigration: false);

    public string? WhyNotMigrate(string guest, string uuid) => WhyNot(guest, $$"""{"type":"askStart","uuid":"{{uuid}}","migrates":true}""", isMigration: true);

    private string? WhyNot(string guest, string question, bool isMigration)
    {
        try
        {
            return Ask(question);
        }
        catch (Exception error) when (error is SocketException or IOException or JsonException or InvalidOperationException or ArgumentException)
        {
            string silent = $"guest {guest} is protected by Hikae and may be active on another host, but hikaed on this host does not answer ({error.Message}): "
                + "start it (systemctl start hikaed) and try again";
            return isMigration
                ? silent
                : $"{silent}. Only when you know that no other host runs the guest: virsh metadata {guest} urn:hikae:domain:1 --config --remove, and start it unprotected";
        }
    }

    private string? Ask(string question)
    {
        long deadline = Environment.TickCount64 + (long)limit.TotalMilliseconds;
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { SendTimeout = (int)limit.TotalMilliseconds };
        socket.Connect(new UnixDomainSocketEndPoint(socketPath));
        byte[] json = Encoding.ASCII.GetBytes(question);
        byte[] request = new byte[PrefixBytes + json.Length];
        BinaryPrimitives.WriteInt32BigEndian(request, json.Length);
        json.CopyTo(request, PrefixBytes);
        for (int sent = 0; sent < request.Length;)
        {
            sent += socket.Send(request.AsSpan(sent));
        }

        byte[] prefix = Receive(socket, PrefixBytes, deadline);
        int length = BinaryPrimitives.ReadInt32BigEndian(prefix);
        return length is > 0 and <= MaxAnswerBytes
            ? Refusal(Receive(socket, length, deadline))
            : throw new IOException($"an answer of {length} bytes");
    }

    private static byte[] Receive(Socket socket, int length, long deadline)
    {
        byte[] buffer = new byte[length];
        for (int received = 0; received < length;)
        {
            socket.ReceiveTimeout = (int)Math.Max(1, deadline - Environment.TickCount64);
            int read = socket.Receive(buffer, received, length - received, SocketFlags.None);
            received += read > 0 ? read : throw new IOException("it closed the connection");
        }

        return buffer;
    }

    private static string? Refusal(byte[] json)
    {
        var reader = new Utf8JsonReader(json);
        string? type = null;
        string? message = null;
        bool? ok = null;
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != 1)
            {
                continue;
            }

            string name = reader.GetString()!;
            reader.Read();
            switch (name)
            {
                case "type":
                    type = reader.GetString();
                    break;
                case "ok":
                    ok = reader.GetBoolean();
                    break;
                case "message":
                    message = reader.GetString();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return (type, ok) switch
        {
            ("result", true) => null,
            ("result", false) => message ?? "hikaed refuses",
            _ => throw new IOException("it said what is no answer"),
        };
    }
}
