// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk.Buffer;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Buffer;

public sealed class EpochBufferTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Space_of_dropped_epochs_is_used_again()
    {
        using EpochBuffer buffer = EpochBuffer.Open(_folder.File("buffer"), 4 << 20, 0);
        byte[] data = new byte[64 << 10];

        for (ulong epoch = 1; epoch <= 300; epoch++)
        {
            Assert.True(buffer.TryAppend(DiskWrite.Write, 0, data.Length, data));
            buffer.Seal(epoch);
            buffer.DropThrough(epoch);
        }

        Assert.Equal(0, buffer.UsedBytes);
        Assert.Equal(0, buffer.IntervalCount);
        Assert.InRange(Allocated("buffer"), 0, 2 << 20);
    }

    [Fact]
    public void An_epoch_that_is_read_keeps_its_bytes_though_it_was_dropped()
    {
        using EpochBuffer buffer = EpochBuffer.Open(_folder.File("buffer"), 1 << 20, 0);
        byte[] first = [.. Enumerable.Repeat((byte)1, 100_000)];
        byte[] second = [.. Enumerable.Repeat((byte)2, 100_000)];
        Assert.True(buffer.TryAppend(DiskWrite.Write, 0, first.Length, first));
        buffer.Seal(1);
        using EpochEntries entries = buffer.ReadEpoch(1);

        buffer.DropThrough(1);
        for (int i = 0; i < 6; i++)
        {
            Assert.True(buffer.TryAppend(DiskWrite.Write, 0, second.Length, second));
        }

        long seen = 0;
        foreach (BufferEntry entry in entries)
        {
            Assert.Equal(-1, entry.Data.IndexOfAnyExcept((byte)1));
            seen += entry.Length;
        }

        Assert.Equal(first.Length, seen);
    }

    [Fact]
    public void A_seal_finds_room_in_a_full_buffer()
    {
        using EpochBuffer buffer = EpochBuffer.Open(_folder.File("buffer"), 1 << 20, 0);
        byte[] data = new byte[5000];
        while (buffer.TryAppend(DiskWrite.Write, 0, data.Length, data))
        {
        }

        buffer.MarkFlush();

        Assert.True(buffer.Seal(1));
    }

    [Fact]
    public void Epochs_do_not_go_back()
    {
        using EpochBuffer buffer = EpochBuffer.Open(_folder.File("buffer"), 1 << 20, 0);
        buffer.Seal(7);

        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Seal(7));
        buffer.Clear();

        Assert.False(buffer.Seal(1));
    }

    [Fact]
    public void A_file_that_is_none_of_ours_is_made_anew()
    {
        File.WriteAllBytes(_folder.File("buffer"), new byte[10_000]);

        using EpochBuffer buffer = EpochBuffer.Open(_folder.File("buffer"), 1 << 20, 0);

        Assert.True(buffer.IsEmpty);
        Assert.True(buffer.TryAppend(DiskWrite.Write, 0, 1, [1]));
    }

    [Fact]
    public void Appending_and_reading_allocate_nothing()
    {
        using EpochBuffer buffer = EpochBuffer.Open(_folder.File("buffer"), 8 << 20, 0);
        byte[] data = new byte[4096];
        List<DiskRange> missing = new(16);
        ulong epoch = 0;
        Work();

        long before = GC.GetAllocatedBytesForCurrentThread();
        Work();
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        // A segment joins the log for each fifteen writes of this small buffer; the writes themselves cost nothing.
        Assert.InRange(allocated, 0, 20_000);

        void Work()
        {
            for (int i = 0; i < 1000; i++)
            {
                buffer.TryAppend(DiskWrite.Write, i % 200 * 4096, data.Length, data);
                missing.Clear();
                buffer.Read(i % 300 * 4096, data, missing);
            }

            buffer.Seal(++epoch);
            buffer.DropThrough(epoch);
        }
    }

    private long Allocated(string name)
    {
        Assert.Equal(0, Mono.Unix.Native.Syscall.stat(_folder.File(name), out Mono.Unix.Native.Stat stat));
        return stat.st_blocks * 512;
    }
}
