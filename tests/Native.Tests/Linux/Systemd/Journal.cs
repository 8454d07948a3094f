// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;

namespace Hikae.Native.Tests.Linux.Systemd;

/// <summary>A datagram socket that stands for journald, and reads entries by its rules.</summary>
internal sealed class Journal : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hikae-journal-").FullName;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 30_000 };

    public Journal() => _socket.Bind(new UnixDomainSocketEndPoint(Path));

    public string Path => System.IO.Path.Combine(_folder, "socket");

    /// <summary>The next entry's fields, in order.</summary>
    public List<KeyValuePair<string, string>> Next()
    {
        byte[] buffer = new byte[1 << 20];
        return Parse(buffer.AsSpan(0, _socket.Receive(buffer)));
    }

    public void Dispose()
    {
        _socket.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static List<KeyValuePair<string, string>> Parse(ReadOnlySpan<byte> entry)
    {
        var fields = new List<KeyValuePair<string, string>>();
        while (entry.Length > 0)
        {
            int end = entry.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = entry[..end];
            entry = entry[(end + 1)..];
            int equals = line.IndexOf((byte)'=');
            if (equals >= 0)
            {
                fields.Add(new(Encoding.UTF8.GetString(line[..equals]), Encoding.UTF8.GetString(line[(equals + 1)..])));
                continue;
            }
            int length = checked((int)BinaryPrimitives.ReadUInt64LittleEndian(entry));
            fields.Add(new(Encoding.UTF8.GetString(line), Encoding.UTF8.GetString(entry.Slice(sizeof(ulong), length))));
            entry = entry[(sizeof(ulong) + length)..];
            if (entry[0] != (byte)'\n')
            {
                throw new FormatException("no newline after a value");
            }
            entry = entry[1..];
        }
        return fields;
    }
}
