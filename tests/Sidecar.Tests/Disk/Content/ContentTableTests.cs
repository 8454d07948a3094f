// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk.Content;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Content;

public sealed class ContentTableTests
{
    private readonly Random _random = new(5);

    [Theory]
    [InlineData(1 << 11, 200)]
    [InlineData(1 << 16, 3000)]
    [InlineData(1 << 20, 3000)]
    public void What_it_finds_is_what_a_plain_model_holds(int bytes, int blocks)
    {
        using var table = new ContentTable(bytes);
        var model = new Dictionary<BlockKey, (UInt128 Tag, uint Stamp)>();
        long found = 0;

        for (int step = 0; step < 200_000; step++)
        {
            var block = BlockKey.Of(_random.Next(3), _random.Next(blocks));
            UInt128 tag = Tag(_random.Next(500));
            switch (_random.Next(4))
            {
                case 0:
                    uint stamp = (uint)_random.Next(100);
                    bool isOld = model.TryGetValue(block, out (UInt128 Tag, uint Stamp) before) && before.Tag == tag;
                    if (!table.TryPut(block, tag, stamp, out _))
                    {
                        table.Remove(block);
                        Assert.True(table.TryPut(block, tag, stamp, out _));
                    }


                    // Where it was displaced its stamp is the new one, which is later or not: what is found is compared with the older one.
                    model[block] = (tag, isOld ? Math.Min(before.Stamp, stamp) : stamp);
                    break;
                case 1:
                    table.Remove(block);
                    model.Remove(block);
                    break;
                default:
                    uint latest = (uint)_random.Next(100);
                    if (table.Find(tag, latest, out BlockKey at, out _) >= 0)
                    {
                        found++;
                        Assert.Equal(tag, model[at].Tag);
                        Assert.InRange(model[at].Stamp, 0u, latest);
                    }

                    break;
            }
        }

        Assert.InRange(table.Count, 1, table.Capacity);
        Assert.InRange(found, 100, long.MaxValue);
    }

    [Fact]
    public void It_takes_no_more_memory_than_it_may_and_forgets_some_blocks_for_others()
    {
        using var table = new ContentTable(1 << 20);
        int many = (int)table.Capacity * 3;

        for (int i = 0; i < many; i++)
        {
            table.TryPut(BlockKey.Of(0, i), Tag(i), 1, out _);
        }

        Assert.InRange(table.Capacity * 40, (1 << 20) - 1280, 1 << 20);
        Assert.InRange(table.Count, table.Capacity * 9 / 10, table.Capacity);
        int newest = Enumerable.Range(many - (int)(table.Capacity / 2), (int)(table.Capacity / 2)).Count(i => Finds(table, i));
        Assert.InRange(newest, table.Capacity / 4, table.Capacity / 2);
    }

    [Fact]
    public void With_room_for_all_nearly_every_block_is_found()
    {
        using var table = new ContentTable(1 << 20);
        int many = (int)table.Capacity * 5 / 8;

        for (int i = 0; i < many; i++)
        {
            table.TryPut(BlockKey.Of(1, i), Tag(i), 1, out _);
        }

        Assert.InRange(Enumerable.Range(0, many).Count(i => Finds(table, i)), many * 995 / 1000, many);
    }

    [Fact]
    public void A_block_that_is_referred_to_stays_until_it_is_removed()
    {
        using var table = new ContentTable(1 << 14);
        for (int i = 0; i < 40; i++)
        {
            table.TryPut(BlockKey.Of(0, i), Tag(i), 1, out _);
            Assert.InRange(table.Find(Tag(i), 1, out _, out uint slot), 0, 7);
            table.Head(slot) = (uint)i + 1;
        }

        for (int i = 1000; i < 10_000; i++)
        {
            Assert.True(table.TryPut(BlockKey.Of(0, i), Tag(i), 1, out _));
        }

        for (int i = 0; i < 40; i++)
        {
            Assert.False(table.TryPut(BlockKey.Of(0, i), Tag(99_999), 1, out _));
            Assert.Equal((uint)i + 1, table.Remove(BlockKey.Of(0, i)));
            Assert.Equal(0u, table.Remove(BlockKey.Of(0, i)));
        }
    }

    [Fact]
    public void A_disk_is_forgotten_whole_and_no_other()
    {
        using var table = new ContentTable(1 << 16);
        for (int i = 0; i < 100; i++)
        {
            table.TryPut(BlockKey.Of(0, i), Tag(i), 1, out _);
            table.TryPut(BlockKey.Of(1, i), Tag(1000 + i), 1, out _);
        }

        table.RemoveDisk(0, []);

        Assert.DoesNotContain(Enumerable.Range(0, 100), i => Finds(table, i));
        Assert.Equal(table.Count, Enumerable.Range(0, 100).Count(i => Finds(table, 1000 + i)));
    }

    private static bool Finds(ContentTable table, int content) => table.Find(Tag(content), 1, out _, out _) >= 0;

    private static UInt128 Tag(int content)
    {
        var random = new Random(content);
        return new UInt128((ulong)random.NextInt64(), (ulong)random.NextInt64() * 2);
    }
}
