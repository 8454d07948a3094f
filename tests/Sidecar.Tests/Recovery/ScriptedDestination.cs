// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace Hikae.Sidecar.Tests.Recovery;

/// <summary>The far end of a postcopy stream, without a QEMU: reads what a source sends, says what the test wants.</summary>
internal sealed class ScriptedDestination : IDisposable
{
    private readonly NetworkStream _stream;
    private string _block = "";

    internal ScriptedDestination()
    {
        string path = Path.Combine(Path.GetTempPath(), $"hikae-{Guid.NewGuid():N}.sock");
        using Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen(1);
        Socket source = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        source.Connect(new UnixDomainSocketEndPoint(path));
        SourceEnd = new NetworkStream(source, ownsSocket: true);
        _stream = new NetworkStream(listener.Accept(), ownsSocket: true);
        File.Delete(path);
    }

    internal NetworkStream SourceEnd { get; }

    /// <summary>Everything received, in words: "page pc.ram 3", "zero pc.ram 4", "discard pc.ram 0 8192", "end" …</summary>
    internal List<string> Heard { get; } = [];

    internal Dictionary<string, byte[]> Pages { get; } = [];

    internal void Say(string hex) => _stream.Write(Convert.FromHexString(hex));

    internal void Request(string block, long page, int count) =>
        Say($"0003{13 + block.Length:x4}{page * 4096:x16}{count * 4096:x8}{block.Length:x2}{Convert.ToHexString(Encoding.ASCII.GetBytes(block))}");

    /// <summary>Reads up to and including the command "run", as the load of a package does.</summary>
    internal void ReadOpening(int ramBlocks)
    {
        Assert.Equal("5145564D00000003", Hex(8));
        Assert.Equal(0x07, U8());
        Heard.Add($"machine {Encoding.ASCII.GetString(Bytes((int)Be32()))}");
        while (Heard[^1] != "run")
        {
            switch (U8())
            {
                case 0x01:
                    Assert.Equal("00000002" + "0372616D" + "00000000" + "00000004", Hex(16));
                    Heard.Add($"total {Be64() & ~0xfffUL}");
                    for (int i = 0; i < ramBlocks; i++)
                    {
                        Heard.Add($"block {Str8()} {Be64()}");
                    }
                    Assert.Equal("0000000000000010" + "7E00000002", Hex(13));
                    break;
                case 0x08:
                    ReadCommand();
                    break;
                case var other:
                    Heard.Add($"device byte {other:x2}");
                    break;
            }
        }
    }

    /// <summary>Reads page sections up to the end, or until the source is silent for good.</summary>
    internal void ReadPages(Action<string>? heard = null)
    {
        while (true)
        {
            int section = _stream.ReadByte();
            if (section <= 0)
            {
                Heard.Add(section == 0 ? "eof" : "closed");
                return;
            }
            Assert.Equal("00000002", Hex(4));
            Heard.Add(section == 3 ? "end" : "part");
            for (ulong header = Be64(); (header & 0x10) == 0; header = Be64())
            {
                _block = (header & 0x20) == 0 ? Str8() : _block;
                string page = $"{_block} {header >> 12}";
                if ((header & 0x08) != 0)
                {
                    Pages.Add(page, Bytes(4096)); // throws when a page comes twice
                    Heard.Add($"page {page}");
                }
                else
                {
                    Assert.Equal(0x02ul, header & 0x1f);
                    Assert.Equal(0, U8());
                    Pages.Add(page, new byte[4096]);
                    Heard.Add($"zero {page}");
                }
                heard?.Invoke(Heard[^1]);
            }
            Assert.Equal("7E00000002", Hex(5));
        }
    }

    public void Dispose()
    {
        _stream.Dispose();
        SourceEnd.Dispose();
    }

    private void ReadCommand()
    {
        int command = (int)Be16();
        int length = (int)Be16();
        switch (command)
        {
            case 6:
                Assert.Equal(0, U8());
                string block = Str8();
                Assert.Equal(0, U8());
                Heard.Add($"discard {block} {Be64()} {Be64()}");
                Assert.Equal(3 + block.Length + 16, length);
                break;
            case 7:
                Heard.Add($"package {Be32()}");
                break;
            default:
                Heard.Add(command switch { 1 => "return path", 3 => $"advise {Be64()} {Be64()}", 4 => "listen", 5 => "run", _ => $"command {command}" });
                break;
        }
    }

    private string Str8() => Encoding.ASCII.GetString(Bytes(U8()));

    private string Hex(int count) => Convert.ToHexString(Bytes(count));

    private int U8() => Bytes(1)[0];

    private ulong Be16() => BinaryPrimitives.ReadUInt16BigEndian(Bytes(2));

    private ulong Be32() => BinaryPrimitives.ReadUInt32BigEndian(Bytes(4));

    private ulong Be64() => BinaryPrimitives.ReadUInt64BigEndian(Bytes(8));

    private byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        _stream.ReadExactly(bytes);
        return bytes;
    }
}
