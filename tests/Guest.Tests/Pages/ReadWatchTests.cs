// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Guest.Pages;
using Hikae.Protocol.Guest;
using Xunit;

namespace Hikae.Guest.Tests.Pages;

public sealed class ReadWatchTests
{
    private readonly ulong[] _bits = new ulong[GuestProtocol.ChunkPages / 64];
    private readonly ulong[] _flags = new ulong[GuestProtocol.ChunkPages];

    [Fact]
    public void A_folio_counts_with_all_its_pages_and_nothing_behind_it()
    {
        Set(3);
        Set(100);
        _flags[100] = KernelPageFlags.KPF_COMPOUND_HEAD;
        _flags.AsSpan(101, 15).Fill(KernelPageFlags.KPF_COMPOUND_TAIL);
        _flags[116] = KernelPageFlags.KPF_COMPOUND_HEAD; // not read
        _flags.AsSpan(117, 15).Fill(KernelPageFlags.KPF_COMPOUND_TAIL);

        Assert.Equal(17, ReadWatch.CountPages(_bits, _flags));
    }

    [Fact]
    public void A_folio_that_goes_on_in_the_next_chunk_counts_to_the_end_of_this_one()
    {
        Set(510);
        _flags[510] = KernelPageFlags.KPF_COMPOUND_HEAD;
        _flags[511] = KernelPageFlags.KPF_COMPOUND_TAIL;

        Assert.Equal(2, ReadWatch.CountPages(_bits, _flags));
    }

    [Fact]
    public void A_kernel_that_hides_where_its_memory_is_is_a_reason_why_not()
    {
        using var guest = new FakeGuest();
        guest.Write("proc/iomem", "00000000-00000000 : System RAM\n");

        Assert.Contains("iomem", new ReadWatch(guest.Files).Watch(TimeSpan.FromMilliseconds(1), new Nobody()), StringComparison.Ordinal);
    }

    private void Set(int page) => _bits[page / 64] |= 1UL << (page % 64);

    private sealed class Nobody : IReadSink
    {
        public void TakeReads(ulong firstChunk, ReadOnlySpan<byte> chunks) => Assert.Fail("nothing was watched");
    }
}
