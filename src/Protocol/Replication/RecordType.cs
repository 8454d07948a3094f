// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Replication;

/// <summary>What a record of the replication protocol says. The numbers are the wire's own; see docs/protocol.md.</summary>
public enum RecordType : uint
{
    /// <summary>Never sent. Zeroed memory must not parse as a record.</summary>
    Invalid = 0,

    /// <summary>Primary to backup, first: who asks, for which guest, which versions (<see cref="Hello"/>).</summary>
    Hello = 1,

    /// <summary>Backup to primary: accepted (<see cref="Welcome"/>).</summary>
    Welcome = 2,

    /// <summary>Either side: not accepted, and why (<see cref="Refuse"/>). The sender closes the link.</summary>
    Refuse = 3,

    /// <summary>Primary to backup: the live domain XML, UTF-8. Inside an epoch it is that checkpoint's; outside it asks for a <see cref="DryStartResult"/>.</summary>
    DomainXml = 4,

    /// <summary>Primary to backup, inside an epoch: the guest's RAM blocks from this epoch on.</summary>
    BlockList = 5,

    /// <summary>Primary to backup: an epoch's records follow.</summary>
    EpochBegin = 6,

    /// <summary>Primary to backup: pages that the backup must keep.</summary>
    HardPages = 7,

    /// <summary>Primary to backup: runs of pages that the backup need not keep.</summary>
    SoftPages = 8,

    /// <summary>Primary to backup: a piece of QEMU's device state.</summary>
    DeviceState = 9,

    /// <summary>Primary to backup: the epoch is whole, with its totals (<see cref="EpochTotals"/>).</summary>
    EpochEnd = 10,

    /// <summary>Backup to primary: it holds the epoch of the header whole. May carry the bytes of memory that the replica takes (be64), for people.</summary>
    Ack = 11,

    /// <summary>Either side, when it has nothing else to say.</summary>
    Heartbeat = 12,

    /// <summary>Primary to backup: protection ends by intent; the replica may be dropped (<see cref="Bye"/>).</summary>
    Bye = 13,

    /// <summary>Backup to primary: whether it could run the guest (<see cref="DryStartResult"/>).</summary>
    DryStartResult = 14,

    /// <summary>Backup to primary: an administrator asks for the guest; stop it and send a last epoch.</summary>
    Yield = 15,

    /// <summary>Primary to backup: the guest stands still, the epoch of the header is its last here; take it.</summary>
    Yielded = 16,

    /// <summary>Backup to primary: how the planned failover ended (<see cref="Replication.Recovered"/>).</summary>
    Recovered = 17,

    /// <summary>Primary to backup, inside an epoch: the disks whose writes travel with epochs, from this one on (<see cref="Replication.DiskList"/>).</summary>
    DiskList = 18,

    /// <summary>Primary to backup, inside an epoch: what the guest wrote to one disk, in order (<see cref="DiskWritesWriter"/>).</summary>
    DiskWrites = 19,

    /// <summary>Primary to backup, anywhere and not counted: everything through the epoch of the header is durable in the images; its disk writes may be forgotten.</summary>
    DiskFlushed = 20,

    /// <summary>Primary to backup, anywhere and not counted: it wrote the ownership record of this generation (be64), which names the backup. Who cannot see it there could never take the guest.</summary>
    Claimed = 21,

    /// <summary>Primary to backup, inside an epoch: runs of pages that equal blocks of the guest's disks as of that epoch, and need not be kept.</summary>
    DiskPages = 22,

    /// <summary>Primary to backup, inside an epoch: pages that the backup must keep, as what changed since they were last sent (<see cref="DeltaPagesReader"/>).</summary>
    DeltaPages = 23,

    /// <summary>Primary to backup, anywhere, not counted and optional: how much of a RAM block's chunks the guest reads (<see cref="Replication.ReadHeat"/>).</summary>
    ReadHeat = 24,
}
