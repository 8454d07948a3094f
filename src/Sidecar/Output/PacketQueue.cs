// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Output;

/// <summary>What the guest sent through one interface: what may leave, and behind it what waits, epoch by epoch.</summary>
/// <remarks>
/// Theory of operation. All packets lie in one queue in the order in which the guest sent them, framed as QEMU framed them, and leave it at
/// its head, byte for byte. Up to <see cref="_limit"/> they may leave. A sealed epoch is a mark in the queue; released, it moves the
/// limit to its mark. So nothing can overtake anything.
///
/// A queue that is full takes no more packets, as that of a network card: what came before is kept, so that what leaves is always what the
/// guest sent first. Whoever sent a dropped packet sends it again or does not need it; so are networks.
///
/// Invariants: an epoch's packets may leave only after all earlier epochs'. Packets are kept or dropped whole. One thread at a time.
/// </remarks>
internal sealed class PacketQueue(long maxBytes) : IDisposable
{
    /// <summary>be32, the number of bytes that follow (QEMU net/filter-mirror.c, without vnet_hdr_support).</summary>
    internal const int HeaderBytes = 4;

    /// <summary>QEMU's NET_BUFSIZE (include/net/net.h): no packet is longer.</summary>
    internal const int MaxPacketBytes = 4096 + 65536;

    private readonly ByteQueue _bytes = new();
    private readonly Queue<Mark> _sealed = new();
    private readonly byte[] _header = new byte[HeaderBytes];
    private int _headerRead;
    private int _packetLeft;
    private bool _isDropping;
    private PacketMode _mode = PacketMode.PassThrough;
    private long _limit;
    private long _sealedEnd;

    /// <summary>Bytes that wait for a commit or for the network.</summary>
    public long Bytes => _bytes.End - _bytes.Start;

    /// <summary>Packets that the guest sent and that were not kept, because the queue was full.</summary>
    public long Dropped { get; private set; }

    /// <summary>Packets that the guest sent.</summary>
    public long Packets { get; private set; }

    /// <summary>The open epoch holds something: only a checkpoint lets it leave.</summary>
    public bool IsWaiting => _mode is PacketMode.Holding && _bytes.End > Math.Max(_sealedEnd, _limit);

    /// <summary>What may leave now, as far as it lies together; empty when nothing may.</summary>
    public ReadOnlySpan<byte> Ready
    {
        get
        {
            ReadOnlySpan<byte> first = _bytes.First;
            long allowed = _limit - _bytes.Start;
            return allowed < first.Length ? first[..(int)Math.Max(0, allowed)] : first;
        }
    }

    /// <summary>The first bytes of <see cref="Ready"/> have left.</summary>
    public void Leave(int count) => _bytes.Take(count);

    /// <summary>The guest sent this; any cut of the stream will do.</summary>
    /// <exception cref="InvalidDataException">It is not framed as QEMU frames packets.</exception>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int taken = _packetLeft > 0 ? AddPayload(bytes) : AddHeader(bytes);
            bytes = bytes[taken..];
        }
        if (_mode is PacketMode.PassThrough)
        {
            _limit = _bytes.End;
        }
    }

    /// <summary>From now on packets wait. What came before may leave. The guest stands still.</summary>
    /// <exception cref="InvalidDataException">As <see cref="Seal"/>.</exception>
    public void Hold()
    {
        ThrowIfHalf();
        _mode = PacketMode.Holding;
        // Lines that an earlier session drew would stop this one's, whose epochs count from 1 again.
        _sealed.Clear();
        _limit = _sealedEnd = _bytes.End;
    }

    /// <summary>Draws the line: what came so far and belongs to no epoch yet, belongs to <paramref name="epoch"/>. The guest stands still.</summary>
    /// <exception cref="InvalidDataException">QEMU has sent half a packet: then it was not all that the guest had sent.</exception>
    public void Seal(EpochId epoch)
    {
        ThrowIfHalf();
        if (_bytes.End > Math.Max(_sealedEnd, _limit))
        {
            _sealed.Enqueue(new Mark(epoch, _bytes.End));
        }
        _sealedEnd = _bytes.End;
    }

    /// <summary>Everything through <paramref name="epoch"/> may leave.</summary>
    public void ReleaseThrough(EpochId epoch)
    {
        while (_sealed.TryPeek(out Mark mark) && mark.Epoch.Value <= epoch.Value)
        {
            _limit = mark.End;
            _sealed.Dequeue();
        }
    }

    /// <summary>Everything may leave, and all that follows at once.</summary>
    public void PassThrough()
    {
        _mode = PacketMode.PassThrough;
        _sealed.Clear();
        _limit = _sealedEnd = _bytes.End;
    }

    /// <summary>Nothing may leave any more, ever.</summary>
    public void DropAll()
    {
        _mode = PacketMode.Dropping;
        _isDropping = true;
        _sealed.Clear();
        _bytes.Clear();
        _limit = _sealedEnd = _bytes.End;
    }

    public void Dispose() => _bytes.Dispose();

    private void ThrowIfHalf()
    {
        if (_packetLeft > 0 || _headerRead > 0)
        {
            throw new InvalidDataException("QEMU sent half a packet and stood still.");
        }
    }

    private int AddHeader(ReadOnlySpan<byte> bytes)
    {
        int part = Math.Min(bytes.Length, HeaderBytes - _headerRead);
        bytes[..part].CopyTo(_header.AsSpan(_headerRead));
        _headerRead += part;
        if (_headerRead < HeaderBytes)
        {
            return part;
        }
        uint length = BinaryPrimitives.ReadUInt32BigEndian(_header);
        if (length is 0 or > MaxPacketBytes)
        {
            throw new InvalidDataException($"QEMU announced a packet of {length} bytes, the limit is {MaxPacketBytes}.");
        }
        _headerRead = 0;
        _packetLeft = (int)length;
        Packets++;
        bool isFull = Bytes + HeaderBytes + length > maxBytes;
        _isDropping = isFull || _mode is PacketMode.Dropping;
        if (isFull)
        {
            Dropped++;
        }
        if (!_isDropping)
        {
            _bytes.Add(_header);
        }
        return part;
    }

    private int AddPayload(ReadOnlySpan<byte> bytes)
    {
        int part = Math.Min(bytes.Length, _packetLeft);
        _packetLeft -= part;
        if (!_isDropping)
        {
            _bytes.Add(bytes[..part]);
        }
        return part;
    }

    private readonly record struct Mark(EpochId Epoch, long End);
}
