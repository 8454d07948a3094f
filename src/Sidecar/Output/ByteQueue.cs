// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers;

namespace Hikae.Sidecar.Output;

/// <summary>Bytes, first in, first out, in pooled pieces. Positions count all bytes that were ever added. One thread at a time.</summary>
internal sealed class ByteQueue : IDisposable
{
    // Large enough that a bulk transfer costs few pieces, small enough that a lone packet does not cost much.
    private const int PieceBytes = 32 * 1024;

    private readonly Queue<byte[]> _pieces = new();
    private byte[]? _last;
    private int _lastUsed;
    private int _firstTaken;

    /// <summary>Position of the first byte that is still here.</summary>
    public long Start { get; private set; }

    /// <summary>Position after the last byte.</summary>
    public long End { get; private set; }

    public void Add(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_last is null || _lastUsed == PieceBytes)
            {
                _last = ArrayPool<byte>.Shared.Rent(PieceBytes);
                _lastUsed = 0;
                _pieces.Enqueue(_last);
            }
            int part = Math.Min(bytes.Length, PieceBytes - _lastUsed);
            bytes[..part].CopyTo(_last.AsSpan(_lastUsed));
            _lastUsed += part;
            End += part;
            bytes = bytes[part..];
        }
    }

    /// <summary>The first bytes, as many as lie in one piece; empty when there are none.</summary>
    public ReadOnlySpan<byte> First
    {
        get
        {
            if (Start == End)
            {
                return default;
            }
            byte[] first = _pieces.Peek();
            int end = ReferenceEquals(first, _last) ? _lastUsed : PieceBytes;
            return first.AsSpan(_firstTaken, end - _firstTaken);
        }
    }

    /// <summary>Takes bytes of <see cref="First"/> away.</summary>
    public void Take(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, First.Length);
        _firstTaken += count;
        Start += count;
        if (_firstTaken == PieceBytes || Start == End)
        {
            DropFirst();
        }
    }

    /// <summary>Takes everything away.</summary>
    public void Clear()
    {
        while (_pieces.Count > 0)
        {
            DropFirst();
        }
        Start = End;
    }

    public void Dispose() => Clear();

    private void DropFirst()
    {
        if (_pieces.TryDequeue(out byte[]? first))
        {
            if (ReferenceEquals(first, _last))
            {
                _last = null;
            }
            ArrayPool<byte>.Shared.Return(first);
        }
        _firstTaken = 0;
    }
}
