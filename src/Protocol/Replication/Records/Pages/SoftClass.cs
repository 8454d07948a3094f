// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>Why a page need not be kept. The numbers are the wire's own.</summary>
public enum SoftClass : byte
{
    /// <summary>Never sent.</summary>
    Invalid = 0,

    /// <summary>All 4096 bytes are zero.</summary>
    Zero = 1,

    /// <summary>The guest's allocator holds it as free, and it was not written since that was asked. Comes back as zero.</summary>
    Free = 2,
}
