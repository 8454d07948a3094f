// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Guest;

namespace Hikae.Sidecar.PageStore;

/// <summary>How hot each chunk of a RAM block is: in how many epochs, late ones counting more, something of it came from the primary; and what the primary says of the guest's reads.</summary>
/// <remarks>A byte or two for each 2 MiB of the guest. Once in <see cref="EpochsPerHalf"/> epochs what came is halved, so that what was hot long ago is no longer.</remarks>
internal sealed class ChunkHeat(int chunkCount)
{
    private const int EpochsPerHalf = 64;

    // A chunk that every epoch touches comes to 2 * EpochsPerHalf before it is halved.
    private readonly byte[] _heat = new byte[chunkCount];

    // Empty until something is told.
    private byte[] _reads = [];
    private int _epochs;

    internal long Bytes => _heat.Length + _reads.Length;

    /// <summary>Pages that the guest reads, about.</summary>
    internal long ReadPages { get; private set; }

    /// <summary>What is hot is what the guest will want first: what it writes, and what it reads.</summary>
    internal int WantedOf(int chunk) => _heat[chunk] + (_reads.Length > 0 ? _reads[chunk] : 0);

    /// <summary>The primary says what the guest reads of the chunks from <paramref name="firstChunk"/> on. What is beyond the block is passed over: it may belong to one that is still to grow.</summary>
    internal void SetReads(int firstChunk, ReadOnlySpan<byte> chunks)
    {
        if (_reads.Length == 0)
        {
            _reads = new byte[_heat.Length];
        }
        for (int i = 0; i < chunks.Length && firstChunk + i < _reads.Length; i++)
        {
            ReadPages += (chunks[i] - _reads[firstChunk + i]) * ReadsAnswer.PagesPerStep;
            _reads[firstChunk + i] = chunks[i];
        }
    }

    /// <summary>Of what came from the primary.</summary>
    internal int this[int chunk] => _heat[chunk];

    internal void NextEpoch()
    {
        if (++_epochs < EpochsPerHalf)
        {
            return;
        }
        _epochs = 0;
        foreach (ref byte heat in _heat.AsSpan())
        {
            heat >>= 1;
        }
    }

    /// <summary>The epoch that is being committed touched this chunk.</summary>
    internal void Warm(int chunk) => _heat[chunk] = (byte)Math.Min(byte.MaxValue, _heat[chunk] + 1);

    internal void CopyTo(ChunkHeat resized)
    {
        int kept = Math.Min(_heat.Length, resized._heat.Length);
        _heat.AsSpan(0, kept).CopyTo(resized._heat);
        if (_reads.Length > 0)
        {
            resized.SetReads(0, _reads.AsSpan(0, kept));
        }
    }
}
