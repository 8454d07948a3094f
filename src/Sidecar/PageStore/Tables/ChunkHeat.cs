// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.PageStore;

/// <summary>In how many epochs, late ones counting more, something of each chunk of a RAM block came from the primary. What is hot is what the guest will want first.</summary>
/// <remarks>One byte for each 2 MiB of the guest. Once in <see cref="EpochsPerHalf"/> epochs all is halved, so that what was hot long ago is no longer.</remarks>
internal sealed class ChunkHeat(int chunkCount)
{
    private const int EpochsPerHalf = 64;

    // A chunk that every epoch touches comes to 2 * EpochsPerHalf before it is halved.
    private readonly byte[] _heat = new byte[chunkCount];
    private int _epochs;

    internal long Bytes => _heat.Length;

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

    internal void CopyTo(ChunkHeat resized) => _heat.AsSpan(0, Math.Min(_heat.Length, resized._heat.Length)).CopyTo(resized._heat);
}
