// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.PageStore;

/// <summary>The guest's disks as of the checkpoint that the guest continues from. Any thread.</summary>
internal interface IDiskBlocks
{
    /// <summary>Fills <paramref name="destination"/>, 4096 bytes, with what the block had in that checkpoint, whatever the guest wrote since.</summary>
    /// <remarks>Errors of the storage are <see cref="IOException"/> or <see cref="Native.Linux.LinuxException"/>.</remarks>
    void Read(int disk, long block, Span<byte> destination);
}
