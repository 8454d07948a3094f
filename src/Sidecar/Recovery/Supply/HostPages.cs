// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Recovery.Stream;

namespace Hikae.Sidecar.Recovery;

/// <summary>The size of the host's pages behind guest memory.</summary>
internal static class HostPages
{
    /// <summary>Throws <see cref="RecoveryException"/> for blocks on hugetlbfs: their stream has more fields and an order of its own.</summary>
    internal static void RefuseHuge(IReadOnlyList<RamBlockInfo> blocks)
    {
        foreach (RamBlockInfo block in blocks)
        {
            if (block.PageSizeBytes != QemuRam.TARGET_PAGE_SIZE)
            {
                throw new RecoveryException(
                    $"RAM block {block.Name} lies on host pages of {block.PageSizeBytes} bytes; only guests on pages of {QemuRam.TARGET_PAGE_SIZE} bytes can be recovered.");
            }
        }
    }
}
