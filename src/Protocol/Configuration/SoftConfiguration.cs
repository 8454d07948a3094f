// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Configuration;

/// <summary>Section [soft]: pages of a guest that runs here, and that its backup need not keep.</summary>
public sealed record SoftConfiguration
{
    /// <summary>What is done with pages that equal a block of the guest's disks.</summary>
    public OnDiskPages OnDisk { get; init; } = OnDiskPages.No;

    /// <summary>Most memory for what is known of the blocks of one guest's disks: 40 bytes for each block of 4 KiB, so 64 MiB know 6.4 GiB.</summary>
    public long IndexBytes { get; init; } = 64L << 20;

    /// <summary>How fast one guest's disks are looked through for pages that it read or wrote before; 0: they are not. A second of it takes about 23 ms of processor time.</summary>
    public long ScanBytesPerSecond { get; init; } = 32L << 20;
}
