// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.PageStore;

/// <summary>One checkpoint's device state. Its memory is used again for the next checkpoint but one.</summary>
internal sealed class DeviceStateBuffer
{
    private byte[] _bytes = [];
    private int _length;

    internal ReadOnlyMemory<byte> Bytes => _bytes.AsMemory(0, _length);

    internal long CapacityBytes => _bytes.Length;

    internal void Clear() => _length = 0;

    internal void Append(ReadOnlySpan<byte> piece)
    {
        if (piece.Length > ReplicationLimits.MaxDeviceStateBytes - _length)
        {
            throw new ReplicationProtocolException(
                $"Device state of {(long)_length + piece.Length} bytes is above the limit of {ReplicationLimits.MaxDeviceStateBytes}.");
        }
        if (_length + piece.Length > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Max(_length + piece.Length, Math.Min(_bytes.Length * 2, ReplicationLimits.MaxDeviceStateBytes)));
        }
        piece.CopyTo(_bytes.AsSpan(_length));
        _length += piece.Length;
    }
}
