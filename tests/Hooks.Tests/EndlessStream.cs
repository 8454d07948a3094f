// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks.Tests;

/// <summary>Begins with given bytes and never ends. Gives at most 4096 bytes at a time, as a pipe may.</summary>
internal sealed class EndlessStream(byte[] beginning) : Stream
{
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => _position; set => throw new NotSupportedException(); }

    public override int Read(byte[] buffer, int offset, int count)
    {
        int given = Math.Min(count, 4096);
        for (int i = 0; i < given; i++, _position++)
        {
            buffer[offset + i] = _position < beginning.Length ? beginning[_position] : (byte)' ';
        }

        return given;
    }

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
