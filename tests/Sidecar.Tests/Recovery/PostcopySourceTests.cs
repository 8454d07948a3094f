// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.PageStore;
using Hikae.Sidecar.Recovery;
using Hikae.Sidecar.Recovery.Stream;
using Hikae.Sidecar.Tests.PageStore;
using Xunit;

namespace Hikae.Sidecar.Tests.Recovery;

public sealed class PostcopySourceTests : IDisposable
{
    private const string Shut = "0001" + "0004" + "00000000";
    private const int HardPages = 2000;

    private readonly ReplicaStore _store = new();
    private readonly ScriptedDestination _destination = new();

    public PostcopySourceTests()
    {
        _store.SetBlocks([new RamBlockInfo("pc.ram", 4096 * 4096, 4096), new RamBlockInfo("rom", 8192, 4096)]);
        _store.BeginEpoch(1);
        for (int page = 0; page < HardPages - 1; page++)
        {
            _store.PutHard(0, page, TestPages.Random(page));
        }
        _store.PutHard(1, 1, TestPages.Random(9999));
        _store.PutSoft(0, 4000, 1, SoftClass.Free);
        _store.SetDeviceState([0xaa, 0xbb, 0x00]);
        _store.CommitEpoch();
    }

    [Fact]
    public void The_opening_is_what_QEMU_reads()
    {
        Run(_ => { });

        Assert.Equal(
            [
                "machine pc-q35-10.0", "return path", "advise 4096 4096", "total 16785408", "block pc.ram 16777216", "block rom 8192",
                "discard pc.ram 0 16777216", "discard rom 0 8192", "package 12", "listen", "device byte aa", "device byte bb", "run",
            ],
            _destination.Heard.TakeWhile(word => word != "part"));
    }

    [Fact]
    public void Every_hard_page_comes_once_and_nothing_else()
    {
        Run(_ => { });

        Assert.Equal(HardPages, _destination.Pages.Count);
        Assert.All(_destination.Heard, word => Assert.False(word.StartsWith("zero", StringComparison.Ordinal)));
        Assert.Equal(TestPages.Random(77), _destination.Pages["pc.ram 77"]);
        Assert.Equal(TestPages.Random(9999), _destination.Pages["rom 1"]);
        Assert.Equal(["end", "eof"], _destination.Heard[^2..]);
    }

    [Fact]
    public void Requested_pages_come_first_and_soft_ones_as_zero()
    {
        _destination.Request("pc.ram", 1500, 2);
        _destination.Request("pc.ram", 1500, 1);
        _destination.Request("pc.ram", 4000, 1);
        _destination.Say("0004" + "000c" + $"{3999 * 4096:x16}" + "00001000"); // the same block as before

        Run(_ => { });

        Assert.Equal(HardPages + 2, _destination.Pages.Count);
        Assert.Equal(new byte[4096], _destination.Pages["pc.ram 4000"]);
        Assert.Contains("zero pc.ram 3999", _destination.Heard);
        Assert.Equal(TestPages.Random(1501), _destination.Pages["pc.ram 1501"]);
    }

    [Fact]
    public void Pages_on_disk_follow_the_hard_ones_unless_they_or_those_before_them_are_asked_for()
    {
        _store.BeginEpoch(2);
        _store.PutOnDisk(0, 2500, 1, 70_000, NumberedBlocks.Checks(70_000, 100));
        _store.SetDeviceState([0xaa, 0xbb, 0x00]);
        _store.CommitEpoch();
        _store.Disks = new NumberedBlocks();
        _destination.Request("pc.ram", 2550, 1);

        Run(_ => { });

        Assert.Equal(HardPages + 100, _destination.Pages.Count);
        Assert.All(Enumerable.Range(0, 100), i => Assert.Equal(NumberedBlocks.Bytes(70_000 + i), _destination.Pages[$"pc.ram {2500 + i}"]));
        List<string> pages = [.. _destination.Heard.Where(word => word.StartsWith("page", StringComparison.Ordinal))];
        // To the end of the 2 MiB that 2550 is in.
        Assert.Equal(Enumerable.Range(2550, 10).Select(page => $"page pc.ram {page}"), pages.Take(HardPages + 10).Intersect(Enumerable.Range(2500, 100).Select(page => $"page pc.ram {page}")));
    }

    [Fact]
    public void What_the_guest_asks_for_does_not_wait_for_the_pace()
    {
        // A section is pushed, and the next one in some hours.
        foreach (var block in _store.Blocks)
        {
            _destination.Request(block.Name, 0, (int)block.PageCount);
        }

        Run(_ => { }, new PushPace(1, TimeProvider.System));

        Assert.Equal(_store.Blocks.Sum(block => block.PageCount), _destination.Pages.Count);
    }

    [Fact]
    public void What_the_guest_wrote_often_comes_first_of_its_kind()
    {
        for (ulong epoch = 2; epoch < 6; epoch++)
        {
            _store.BeginEpoch(epoch);
            _store.PutHard(0, 1030, TestPages.Random((int)epoch));
            _store.PutOnDisk(0, 3100 + (int)epoch, 1, 70_000, NumberedBlocks.Checks(70_000, 1));
            if (epoch == 2)
            {
                _store.PutOnDisk(0, 2500, 1, 80_000, NumberedBlocks.Checks(80_000, 10));
            }
            _store.SetDeviceState([0xaa, 0xbb, 0x00]);
            _store.CommitEpoch();
        }
        _store.Disks = new NumberedBlocks();

        Run(_ => { });

        List<string> pages = [.. _destination.Heard.Where(word => word.StartsWith("page", StringComparison.Ordinal))];
        Assert.Equal(HardPages + 14, pages.Count);
        Assert.Equal(Enumerable.Range(1024, 512).Concat([0]).Select(page => $"page pc.ram {page}"), pages.Take(513));
        Assert.Equal(Enumerable.Range(3102, 4).Concat(Enumerable.Range(2500, 10)).Select(page => $"page pc.ram {page}"), pages.Skip(HardPages));
    }

    [Fact]
    public void What_the_guest_reads_often_comes_first_and_the_rest_kind_after_kind()
    {
        for (ulong epoch = 2; epoch < 6; epoch++)
        {
            _store.BeginEpoch(epoch);
            _store.PutOnDisk(0, 2048, 1, 70_000, NumberedBlocks.Checks(70_000, 10));
            _store.PutOnDisk(0, 3072, 1, 80_000, NumberedBlocks.Checks(80_000, 10));
            _store.PutOnDisk(0, 3584, 1, 90_000, NumberedBlocks.Checks(90_000, 10));
            _store.SetDeviceState([0xaa, 0xbb, 0x00]);
            _store.CommitEpoch();
        }
        _store.Disks = new NumberedBlocks();
        _store.SetReads(0, 0, [0, PushOrder.HotHeat, PushOrder.HotHeat - 2, 0, 0, 0, 100, 200]);
        _store.SetReads(77, 0, [255]);
        _store.SetReads(0, 1 << 20, [255]);

        Run(_ => { });

        List<string> pages = [.. _destination.Heard.Where(word => word.StartsWith("page", StringComparison.Ordinal))];
        int[] hot = [.. Enumerable.Range(3584, 10), .. Enumerable.Range(3072, 10), .. Enumerable.Range(512, 512)];
        int[] warm = [.. Enumerable.Range(1024, 512)];
        Assert.Equal(hot.Concat(warm).Append(0).Select(page => $"page pc.ram {page}"), pages.Take(hot.Length + warm.Length + 1));
        Assert.Equal(Enumerable.Range(2048, 10).Select(page => $"page pc.ram {page}"), pages.TakeLast(10));
        Assert.Equal(HardPages + 30, pages.Count);
    }

    [Fact]
    public void The_push_goes_on_behind_a_requested_page()
    {
        bool asked = false;
        Run(word =>
        {
            if (!asked)
            {
                asked = true;
                _destination.Request("pc.ram", 1800, 1);
            }
        });

        int requested = _destination.Heard.IndexOf("page pc.ram 1800");
        Assert.Equal("page pc.ram 1801", _destination.Heard.Skip(requested + 1).First(word => word.StartsWith("page", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("0003" + "0013" + "0000000001000000" + "00001000" + "06" + "70632e72616d")] // behind the block
    [InlineData("0003" + "0013" + "0000000000fff000" + "00002000" + "06" + "70632e72616d")] // across its end
    [InlineData("0003" + "0013" + "fffffffffffff000" + "00001000" + "06" + "70632e72616d")]
    [InlineData("0003" + "0013" + "0000000000000001" + "00001000" + "06" + "70632e72616d")] // no page's start
    [InlineData("0003" + "0013" + "0000000000000000" + "00000000" + "06" + "70632e72616d")] // nothing
    [InlineData("0003" + "0013" + "0000000000000000" + "00001000" + "06" + "70632e72616e")] // no such block
    [InlineData("0004" + "000c" + "0000000000000000" + "00001000")] // the same block as before, and there was none
    [InlineData("0001" + "0004" + "00000001")] // QEMU failed
    [InlineData("0063" + "0000")]
    public void What_QEMU_cannot_mean_ends_the_attempt(string hex)
    {
        _destination.Say(hex);

        Assert.Throws<MigrationStreamException>(() => Run(_ => { }));
    }

    [Fact]
    public void A_destination_that_goes_away_ends_the_attempt()
    {
        using PostcopySource source = new(_store, "pc-q35-10.0", _destination.SourceEnd);
        _destination.Dispose();

        Assert.ThrowsAny<Exception>(() => source.Run(TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void Device_state_without_its_end_is_refused()
    {
        _store.BeginEpoch(2);
        _store.SetDeviceState([0xaa]);
        _store.CommitEpoch();

        Assert.Throws<RecoveryException>(() => Run(_ => { }));
    }

    public void Dispose()
    {
        _destination.Dispose();
        _store.Dispose();
    }

    private void Run(Action<string> heard, PushPace? pace = null)
    {
        Thread destination = new(() =>
        {
            try
            {
                _destination.ReadOpening(ramBlocks: 2);
                _destination.ReadPages(heard);
                _destination.Say(Shut);
            }
            catch (IOException)
            {
                // The source gave up; the test asserts why.
            }
        });
        destination.Start();
        PostcopySource source = new(_store, "pc-q35-10.0", _destination.SourceEnd, pace);
        try
        {
            source.Run(TimeSpan.FromSeconds(60));
        }
        finally
        {
            _destination.SourceEnd.Dispose();
            source.Dispose();
            destination.Join();
        }
    }
}
