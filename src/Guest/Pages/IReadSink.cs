// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Guest.Pages;

/// <summary>Takes what was read.</summary>
internal interface IReadSink
{
    /// <summary>A byte for each chunk from <paramref name="firstChunk"/> on, as in <see cref="Protocol.Guest.ReadsAnswer"/>. Stretches rise, and one without reads is left out.</summary>
    void TakeReads(ulong firstChunk, ReadOnlySpan<byte> chunks);
}
