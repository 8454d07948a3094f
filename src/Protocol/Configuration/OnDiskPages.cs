// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Configuration;

/// <summary>What is done with pages that equal a block of the guest's disks.</summary>
public enum OnDiskPages
{
    /// <summary>They are not looked for.</summary>
    No,

    /// <summary>They are counted, and sent as any other page.</summary>
    Count,

    /// <summary>They are sent as references, and the backup reads them from the disk when the guest needs them there.</summary>
    Yes,
}
