// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Disks.Tests;

/// <summary>
/// A small NBD server that keeps what is written in memory, beside an image that it does not touch. So an image that changes while a disk is inserted was
/// written past the server. <see cref="PassThrough"/> writes everything to the image and the rest directly.
/// </summary>
internal sealed class OverlayServer : IDisposable
{
    private const int Block = 4096;
    private const ulong OptionMagic = 0x49484156454F5054;
    private const uint RequestMagic = 0x25609513;
    private const uint ReplyMagic = 0x67446698;
    private const int MaxRequestBytes = 64 << 20;

    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Lock _gate = new();
    private readonly SafeFileHandle _image;
    private readonly string _path;
    private readonly long _exportBytes;
    private readonly bool _mayGrow;

    // guarded by _gate
    private readonly Dictionary<long, byte[]> _blocks = [];
    private bool _holding = true;
    private long _writes;
    private long _received;
    private long _answered;

    public OverlayServer(string path, string imagePath, long exportBytes, bool mayGrow)
    {
        _path = path;
        _exportBytes = exportBytes;
        _mayGrow = mayGrow;
        _image = File.OpenHandle(imagePath, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        File.Delete(path);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        File.SetUnixFileMode(path, (UnixFileMode)0b110_110_110);
        _listener.Listen();
        new Thread(Accept) { IsBackground = true, Name = "NBD server" }.Start();
    }

    /// <summary>Requests that changed the disk.</summary>
    public long Writes
    {
        get
        {
            lock (_gate)
            {
                return _writes;
            }
        }
    }

    /// <summary>For reports: what became of the requests.</summary>
    public string State => $"{Interlocked.Read(ref _received)} requests, {Interlocked.Read(ref _answered)} answers";

    public void PassThrough()
    {
        lock (_gate)
        {
            _holding = false;
            foreach ((long block, byte[] data) in _blocks.OrderBy(pair => pair.Key))
            {
                WriteImage(block * Block, data);
            }
            _blocks.Clear();
            RandomAccess.FlushToDisk(_image);
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        _image.Dispose();
        File.Delete(_path);
    }

    private void Accept()
    {
        try
        {
            while (true)
            {
                Socket client = _listener.Accept();
                new Thread(() => Serve(client)) { IsBackground = true, Name = "NBD connection" }.Start();
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private void Serve(Socket client)
    {
        try
        {
            using var stream = new NetworkStream(client, ownsSocket: true);
            if (Negotiate(stream))
            {
                Transmit(stream);
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException)
        {
            // The client or this server has ended.
        }
    }

    private bool Negotiate(NetworkStream stream)
    {
        stream.Write([.. "NBDMAGICIHAVEOPT"u8, 0, 3]);
        Span<byte> head = stackalloc byte[16];
        stream.ReadExactly(head[..4]);
        while (true)
        {
            stream.ReadExactly(head);
            uint option = BinaryPrimitives.ReadUInt32BigEndian(head[8..]);
            byte[] data = new byte[BinaryPrimitives.ReadInt32BigEndian(head[12..])];
            stream.ReadExactly(data);
            switch (option)
            {
                case 7: // GO
                    byte[] info = new byte[12];
                    BinaryPrimitives.WriteInt64BigEndian(info.AsSpan(2), _exportBytes);
                    BinaryPrimitives.WriteUInt16BigEndian(info.AsSpan(10), 1 | 4 | 8 | 32 | 64);
                    Answer(stream, option, 3, info);
                    Answer(stream, option, 1, []);
                    return true;
                case 2: // ABORT
                    Answer(stream, option, 1, []);
                    return false;
                default:
                    Answer(stream, option, 0x80000001, []);
                    break;
            }
        }
    }

    private static void Answer(NetworkStream stream, uint option, uint type, byte[] data)
    {
        byte[] reply = new byte[20 + data.Length];
        BinaryPrimitives.WriteUInt64BigEndian(reply, 0x3e889045565a9);
        BinaryPrimitives.WriteUInt32BigEndian(reply.AsSpan(8), option);
        BinaryPrimitives.WriteUInt32BigEndian(reply.AsSpan(12), type);
        BinaryPrimitives.WriteInt32BigEndian(reply.AsSpan(16), data.Length);
        data.CopyTo(reply, 20);
        stream.Write(reply);
    }

    private void Transmit(NetworkStream stream)
    {
        byte[] head = new byte[28];
        while (true)
        {
            stream.ReadExactly(head);
            if (BinaryPrimitives.ReadUInt32BigEndian(head) != RequestMagic)
            {
                throw new IOException("not an NBD request");
            }
            ushort type = BinaryPrimitives.ReadUInt16BigEndian(head.AsSpan(6));
            long offset = BinaryPrimitives.ReadInt64BigEndian(head.AsSpan(16));
            long length = BinaryPrimitives.ReadUInt32BigEndian(head.AsSpan(24));
            byte[] data = type is 0 or 1 ? new byte[checked((int)Math.Min(length, MaxRequestBytes))] : [];
            if (type == 1)
            {
                stream.ReadExactly(data);
            }
            if (type == 2)
            {
                return;
            }
            Interlocked.Increment(ref _received);
            Do(type, offset, length, data);
            byte[] reply = new byte[16 + (type == 0 ? data.Length : 0)];
            BinaryPrimitives.WriteUInt32BigEndian(reply, ReplyMagic);
            head.AsSpan(8, 8).CopyTo(reply.AsSpan(8));
            if (type == 0)
            {
                data.CopyTo(reply, 16);
            }
            stream.Write(reply);
            Interlocked.Increment(ref _answered);
        }
    }

    private void Do(ushort type, long offset, long length, byte[] data)
    {
        lock (_gate)
        {
            switch (type)
            {
                case 0:
                    Read(offset, data);
                    break;
                case 1:
                    _writes++;
                    Write(offset, data);
                    break;
                case 4 or 6: // a discarded block may read as zeros
                    _writes++;
                    for (long at = offset; at < offset + length; at += Block)
                    {
                        Write(at, new byte[Math.Min(Block, offset + length - at)]);
                    }
                    break;
                case 3 when !_holding:
                    RandomAccess.FlushToDisk(_image);
                    break;
            }
        }
    }

    private void Read(long offset, Span<byte> destination)
    {
        ReadImage(offset, destination);
        for (long block = offset / Block; block * Block < offset + destination.Length; block++)
        {
            if (_blocks.TryGetValue(block, out byte[]? data))
            {
                long from = Math.Max(offset, block * Block);
                long to = Math.Min(offset + destination.Length, (block + 1) * Block);
                data.AsSpan((int)(from - (block * Block)), (int)(to - from)).CopyTo(destination[(int)(from - offset)..]);
            }
        }
    }

    private void Write(long offset, ReadOnlySpan<byte> data)
    {
        if (!_holding)
        {
            WriteImage(offset, data);
            return;
        }
        for (long block = offset / Block; block * Block < offset + data.Length; block++)
        {
            if (!_blocks.TryGetValue(block, out byte[]? held))
            {
                held = new byte[Block];
                ReadImage(block * Block, held);
                _blocks.Add(block, held);
            }
            long from = Math.Max(offset, block * Block);
            long to = Math.Min(offset + data.Length, (block + 1) * Block);
            data[(int)(from - offset)..(int)(to - offset)].CopyTo(held.AsSpan((int)(from - (block * Block))));
        }
    }

    private void ReadImage(long offset, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            int read = RandomAccess.Read(_image, destination, offset);
            if (read == 0)
            {
                destination.Clear();
                return;
            }
            destination = destination[read..];
            offset += read;
        }
    }

    private void WriteImage(long offset, ReadOnlySpan<byte> data)
    {
        long room = _mayGrow ? long.MaxValue : _exportBytes - offset;
        RandomAccess.Write(_image, data[..(int)Math.Min(data.Length, room)], offset);
    }
}
