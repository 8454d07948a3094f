// SPDX-License-Identifier: LGPL-2.1-or-later
using CsCheck;
using Hikae.Sidecar.Classify;
using Xunit;

namespace Hikae.Sidecar.Tests.Classify;

public sealed class RecentPagesTests
{
    private const int MaxPages = 6;

    [Fact]
    public void Any_history_leaves_what_a_list_would()
    {
        Gen<(int Kind, int Page, int Pause)[]> history = Gen.Select(Gen.Int[0, 9], Gen.Int[0, 15], Gen.Int[0, 3]).Array[0, 120];
        PCG random = new(17, 0x48494B4145);
        for (int i = 0; i < 2000; i++)
        {
            Replay(history.Generate(random, null, out _));
        }
    }

    [Fact]
    public void Pages_of_different_blocks_and_far_apart_are_different()
    {
        var pages = new RecentPages(MaxPages);
        Assert.True(pages.TryAdd(1023, (1L << 31) - 1, 1, 0, out int far));
        Assert.True(pages.TryAdd(0, 0, 1, 0, out int near));

        Assert.False(pages.TryUse(0, (1L << 31) - 1, 1, out _));
        Assert.True(pages.TryTakeOldest(2, out int block, out long page, out int place));
        Assert.Equal((1023, (1L << 31) - 1, far), (block, page, place));
        Assert.True(pages.TryUse(0, 0, 1, out place));
        Assert.Equal(near, place);
    }

    [Fact]
    public void A_set_that_is_full_of_used_pages_takes_no_other()
    {
        var pages = new RecentPages(MaxPages);
        Assert.All(Enumerable.Range(0, MaxPages), page => Assert.True(pages.TryAdd(0, page, 5, 1, out _)));

        Assert.False(pages.TryAdd(0, 99, 5, 5, out _));
        Assert.True(pages.TryAdd(0, 99, 6, 6, out _));

        Assert.False(pages.TryUse(0, 0, 6, out _));
        Assert.True(pages.TryUse(0, 99, 6, out _));
        Assert.Equal(MaxPages, pages.Count);
    }

    private static void Replay((int Kind, int Page, int Pause)[] history)
    {
        var pages = new RecentPages(MaxPages);
        List<(int Page, ulong UsedAt, int Place)> model = []; // the oldest first
        ulong now = 1;
        foreach ((int kind, int page, int pause) in history)
        {
            now += (ulong)pause;
            ulong idleSince = now - Math.Min(now, 4);
            int known = model.FindIndex(entry => entry.Page == page);
            switch (kind)
            {
                case < 7:
                    Assert.Equal(known >= 0, pages.TryUse(0, page, now, out int place));
                    if (known >= 0)
                    {
                        Assert.Equal(model[known].Place, place);
                        model.RemoveAt(known);
                        model.Add((page, now, place));
                        break;
                    }
                    bool hasRoom = model.Count < MaxPages || model[0].UsedAt < idleSince;
                    Assert.Equal(hasRoom, pages.TryAdd(0, page, now, idleSince, out place));
                    if (hasRoom)
                    {
                        model.RemoveRange(0, model.Count == MaxPages ? 1 : 0);
                        Assert.InRange(place, 0, MaxPages - 1);
                        Assert.DoesNotContain(model, entry => entry.Place == place);
                        model.Add((page, now, place));
                    }
                    break;
                case < 8:
                    Assert.Equal(known >= 0, pages.TryRemove(0, page, out _));
                    model.RemoveAll(entry => entry.Page == page);
                    break;
                default:
                    bool isIdle = model.Count > 0 && model[0].UsedAt < idleSince;
                    Assert.Equal(isIdle, pages.TryTakeOldest(idleSince, out _, out long oldest, out int taken));
                    if (isIdle)
                    {
                        Assert.Equal((model[0].Page, model[0].Place), ((int)oldest, taken));
                        model.RemoveAt(0);
                    }
                    break;
            }
            Assert.Equal(model.Count, pages.Count);
        }
    }
}
