// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Guest.Pages;
using Xunit;
using static Hikae.Guest.Pages.KernelPageFlags;

namespace Hikae.Guest.Tests.Pages;

public sealed class PageClassifierTests
{
    // Flags as read on Linux 6.1 and 6.18.
    private const ulong CleanFile = KPF_UPTODATE | KPF_LRU | KPF_REFERENCED;
    private const ulong CleanMappedFile = CleanFile | KPF_MMAP | KPF_ACTIVE;
    private const ulong FolioHead61 = CleanFile | KPF_COMPOUND_HEAD | KPF_THP;
    private const ulong FolioTail61 = KPF_COMPOUND_TAIL | KPF_THP;
    private const ulong FolioTail618 = CleanFile | KPF_COMPOUND_TAIL | KPF_THP;

    [Theory]
    [InlineData(KPF_BUDDY)]
    public void Pages_on_the_free_lists_are_free(ulong flags) => Assert.Equal(PageClass.Free, Classify(flags));

    [Theory]
    [InlineData(CleanFile)]
    [InlineData(CleanMappedFile)]
    [InlineData(CleanFile | (1UL << 35))] // PRIVATE: ext4 buffers
    [InlineData(CleanFile | (1UL << 9))] // RECLAIM
    [InlineData(CleanFile | (1UL << 34))] // MAPPEDTODISK
    [InlineData(CleanFile | KPF_KSM)] // said of pages that are not merged; never asked
    public void Clean_page_cache_is_cache(ulong flags) => Assert.Equal(PageClass.Cache, Classify(flags));

    [Theory]
    [InlineData(0UL)]
    [InlineData(KPF_BUDDY | KPF_HWPOISON)]
    [InlineData(KPF_BUDDY | KPF_NOPAGE)]
    [InlineData(KPF_BUDDY | KPF_OFFLINE)]
    [InlineData(KPF_BUDDY | KPF_RESERVED)]
    [InlineData(KPF_OFFLINE)]
    [InlineData(KPF_NOPAGE)]
    [InlineData(KPF_SLAB)]
    [InlineData(KPF_SLAB | KPF_LRU | KPF_UPTODATE)]
    [InlineData(KPF_SLAB | KPF_ANON | KPF_KSM | KPF_BUDDY)] // false companions of SLAB on 6.18
    [InlineData(CleanFile | KPF_ANON | KPF_SWAPBACKED)]
    [InlineData(CleanFile | KPF_SWAPBACKED)] // tmpfs
    [InlineData(CleanFile | KPF_DIRTY)]
    [InlineData(CleanFile | KPF_WRITEBACK)]
    [InlineData(CleanFile | KPF_LOCKED)]
    [InlineData(CleanFile | KPF_ERROR)]
    [InlineData(CleanFile | KPF_SWAPCACHE)]
    [InlineData(CleanFile | KPF_HUGE)]
    [InlineData(CleanFile | KPF_UNEVICTABLE)]
    [InlineData(CleanFile | KPF_MLOCKED)]
    [InlineData(CleanFile | KPF_HWPOISON)]
    [InlineData(CleanFile | KPF_ZERO_PAGE)]
    [InlineData(CleanFile | KPF_PGTABLE)]
    [InlineData(CleanFile | KPF_RESERVED)]
    [InlineData(CleanFile | KPF_OFFLINE)]
    [InlineData(KPF_PGTABLE)]
    public void Everything_else_is_neither(ulong flags) => Assert.Equal(PageClass.Other, Classify(flags));

    [Fact]
    public void On_6_1_a_tail_is_what_its_head_is() =>
        Assert.Equal([PageClass.Cache, PageClass.Cache, PageClass.Cache], ClassifyAll(FolioHead61, FolioTail61, FolioTail61));

    [Fact]
    public void On_6_1_the_tail_of_a_dirty_or_anonymous_folio_is_not_cache()
    {
        Assert.Equal([PageClass.Other, PageClass.Other], ClassifyAll(FolioHead61 | KPF_DIRTY, FolioTail61));
        Assert.Equal([PageClass.Other, PageClass.Other], ClassifyAll(FolioHead61 | KPF_ANON | KPF_SWAPBACKED, FolioTail61 | KPF_ANON));
    }

    [Fact]
    public void On_6_18_a_tail_carries_the_flags_of_its_folio() =>
        Assert.Equal([PageClass.Cache, PageClass.Cache], ClassifyAll(FolioHead61, FolioTail618));

    [Fact]
    public void A_poisoned_tail_is_hard_among_its_clean_neighbours() =>
        Assert.Equal(
            [PageClass.Cache, PageClass.Other, PageClass.Cache],
            ClassifyAll(FolioHead61, FolioTail61 | KPF_HWPOISON, FolioTail61));

    [Fact]
    public void A_head_ends_with_the_page_that_is_no_tail() =>
        Assert.Equal([PageClass.Cache, PageClass.Other, PageClass.Other], ClassifyAll(FolioHead61, 0, FolioTail61));

    [Fact]
    public void The_tails_of_a_slab_are_slab() =>
        Assert.Equal([PageClass.Other, PageClass.Other], ClassifyAll(KPF_SLAB | KPF_COMPOUND_HEAD, KPF_COMPOUND_TAIL | KPF_LRU));

    [Fact]
    public void After_a_restart_a_tail_without_a_head_is_hard()
    {
        var classifier = new PageClassifier();
        classifier.Classify(FolioHead61);
        classifier.Restart();
        Assert.Equal(PageClass.Other, classifier.Classify(FolioTail61));
    }

    private static PageClass Classify(ulong flags) => new PageClassifier().Classify(flags);

    private static PageClass[] ClassifyAll(params ulong[] flags)
    {
        var classifier = new PageClassifier();
        return [.. flags.Select(classifier.Classify)];
    }
}
