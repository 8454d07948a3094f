// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.PageStore;
using Hikae.Sidecar.Recovery.Stream;

namespace Hikae.Sidecar.Recovery;

/// <summary>
/// Gives a replica to QEMU as an ordinary incoming migration: all memory first, then the devices, then the guest may run.
/// </summary>
/// <remarks>
/// The way without userfaultfd: its time grows with the number of hard pages. Pages that read as zero are left out where a
/// new QEMU has zeros anyway; small blocks are sent whole, because QEMU itself fills ROMs and firmware tables at start.
/// </remarks>
internal sealed class IncomingStreamWriter(ReplicaStore store, string machineType)
{
    /// <summary>Firmware, option ROMs, tables and video memory are at most this long; guest memory need not be told its zeros.</summary>
    private const long MaxSelfFilledBytes = 16 << 20;

    /// <summary>Counts while <see cref="Write"/> runs.</summary>
    public StreamProgress Progress { get; } = new() { TotalPages = store.Statistics.HardPages + store.Statistics.DiskPages };

    /// <summary>Writes the whole stream and flushes it. Does not close it.</summary>
    public void Write(System.IO.Stream destination)
    {
        HostPages.RefuseHuge(store.Blocks);
        MigrationStreamWriter writer = new(destination);
        writer.Header(machineType);
        writer.RamStart(store.Blocks);
        writer.RamSection(QemuMigration.QEMU_VM_SECTION_END);
        for (int block = 0; block < store.Blocks.Count; block++)
        {
            WriteBlock(writer, block);
        }
        writer.RamSectionEnd();
        writer.Bytes(store.DeviceState.Span);
        // Not needed, but QEMU logs its absence.
        writer.U8(QemuMigration.QEMU_VM_VMDESCRIPTION);
        writer.Be32(2);
        writer.Bytes("{}"u8);
        writer.Flush();
        Progress.SetSentBytes(writer.BytesWritten);
    }

    private void WriteBlock(MigrationStreamWriter writer, int block)
    {
        RamBlockInfo info = store.Blocks[block];
        bool sendZeros = info.UsedBytes <= MaxSelfFilledBytes;
        for (long page = 0; page < info.PageCount; page++)
        {
            if (store.Get(block, page) is PageKind.Hard or PageKind.OnDisk)
            {
                store.ReadPage(block, page, writer.Page(info.Name, page));
                Progress.CountSent();
                Progress.SetSentBytes(writer.BytesWritten);
            }
            else if (sendZeros)
            {
                writer.ZeroPage(info.Name, page);
            }
        }
    }
}
