// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Guest;

/// <summary>The guest's end of the way to the host.</summary>
internal interface IHostPort : IDisposable
{
    /// <summary>Waits for bytes. 0: nobody has the other end open. Throws <see cref="IOException"/>: open the port anew.</summary>
    int Read(Span<byte> buffer);

    /// <summary>Writes all of it, and waits if the other end does. Throws <see cref="IOException"/>: open the port anew.</summary>
    void Write(ReadOnlySpan<byte> bytes);
}
