// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.PageStore;
using Hikae.Sidecar.Recovery;
using Hikae.Sidecar.Tests.PageStore;
using Xunit;

namespace Hikae.Sidecar.Tests.Recovery;

public sealed class IncomingStreamWriterTests
{
    private static readonly byte[] First = TestPages.Random(1);
    private static readonly byte[] Second = TestPages.Text(2);

    [Fact]
    public void The_stream_is_what_QEMU_reads()
    {
        using ReplicaStore store = new();
        store.SetBlocks([new RamBlockInfo("big", 32 << 20, 4096), new RamBlockInfo("rom", 3 * 4096, 4096)]);
        store.BeginEpoch(1);
        store.PutHard(0, 3, First);
        store.PutHard(0, 4, TestPages.Compress(Second));
        store.PutHard(1, 1, First);
        store.PutSoft(1, 2, 1, SoftClass.Free);
        store.SetDeviceState([0x04, 0xaa, 0x00]);
        store.CommitEpoch();
        MemoryStream stream = new();

        new IncomingStreamWriter(store, "pc").Write(stream);

        byte[] expected =
        [
            .. Hex("5145564d" + "00000003"), // QEVM, version 3
            .. Hex("07" + "00000002" + "7063"), // configuration: machine type "pc"
            .. Hex("01" + "00000002" + "0372616d" + "00000000" + "00000004"), // START of section 2, "ram", instance 0, version 4
            .. Hex("0000000002003004"), // 32 MiB + 12 KiB, MEM_SIZE
            .. Hex("03626967" + "0000000002000000"),
            .. Hex("03726f6d" + "0000000000003000"),
            .. Hex("0000000000000010" + "7e00000002"), // EOS, footer
            .. Hex("03" + "00000002"), // END
            .. Hex("0000000000003008" + "03626967"), .. First,
            .. Hex("0000000000004028"), .. Second, // CONTINUE: same block
            .. Hex("0000000000000002" + "03726f6d" + "00"), // the small block's zeros are spelled out
            .. Hex("0000000000001028"), .. First,
            .. Hex("0000000000002022" + "00"),
            .. Hex("0000000000000010" + "7e00000002"),
            .. Hex("04aa00"), // devices and EOF
            .. Hex("06" + "00000002" + "7b7d"), // description "{}"
        ];
        Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(stream.ToArray()));
    }

    [Fact]
    public void A_page_on_disk_is_read_and_sent_like_a_hard_one()
    {
        using ReplicaStore store = new();
        store.SetBlocks([new RamBlockInfo("big", 32 << 20, 4096)]);
        store.BeginEpoch(1);
        store.PutHard(0, 3, First);
        store.PutOnDisk(0, 4, 0, 123, NumberedBlocks.Checks(123, 1));
        store.SetDeviceState([0]);
        store.CommitEpoch();
        store.Disks = new NumberedBlocks();
        MemoryStream stream = new();
        var writer = new IncomingStreamWriter(store, "pc");

        writer.Write(stream);

        string sent = Convert.ToHexStringLower(stream.ToArray());
        Assert.Contains("0000000000004028" + Convert.ToHexStringLower(NumberedBlocks.Bytes(123)), sent, StringComparison.Ordinal);
        Assert.Equal((2, 2), (writer.Progress.TotalPages, writer.Progress.SentPages));
    }

    [Fact]
    public void Guest_memory_on_huge_pages_is_refused_with_the_reason()
    {
        using ReplicaStore store = new();
        store.SetBlocks([new RamBlockInfo("big", 32 << 20, 2 << 20)]);
        store.BeginEpoch(1);
        store.SetDeviceState([0]);
        store.CommitEpoch();

        RecoveryException refusal = Assert.Throws<RecoveryException>(() => new IncomingStreamWriter(store, "pc").Write(new MemoryStream()));

        Assert.Contains("RAM block big lies on host pages of 2097152 bytes", refusal.Message, StringComparison.Ordinal);
    }

    private static byte[] Hex(string digits) => Convert.FromHexString(digits);
}
