// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.PageStore;

/// <summary>The guest's disks as of the checkpoint that the guest continues from. Any thread.</summary>
internal interface IDiskBlocks
{
    /// <summary>Fills <paramref name="destination"/>, 4096 bytes, with what the block had in that checkpoint, whatever the guest wrote since.</summary>
    /// <param name="disk">As the primary numbered it.</param>
    /// <param name="block">Of 4096 bytes.</param>
    /// <param name="attempt">0, or how often what was read was not what it should be: then it is read from the storage itself, after a while.</param>
    /// <param name="destination">For the block.</param>
    /// <returns>False: it makes no sense to read it so often.</returns>
    /// <remarks>Errors of the storage are <see cref="IOException"/> or <see cref="Native.Linux.LinuxException"/>.</remarks>
    bool TryRead(int disk, long block, int attempt, Span<byte> destination);
}
