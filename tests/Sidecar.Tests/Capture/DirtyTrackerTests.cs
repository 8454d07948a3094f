// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness;
using Hikae.Native.Linux;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Epoch;
using Xunit;

namespace Hikae.Sidecar.Tests.Capture;

public sealed class DirtyTrackerTests : IClassFixture<WriterProgram>
{
    private const uint Pages = 5_121;
    private const long PieceBytes = 7 * 4096;
    private const int Threads = 4;

    private readonly WriterProgram _program;

    public DirtyTrackerTests(WriterProgram program)
    {
        Requires.Root();
        Requires.Kernel(6, 7);
        _program = program;
    }

    [Fact]
    public void Several_threads_find_what_one_finds()
    {
        using var writer = new Writer(_program, Pages);
        using DirtyTracker tracker = DirtyTracker.Attach(writer.Pid, PieceBytes, Threads);
        tracker.Track(writer.Blocks);
        tracker.Scan([], rearm: true);
        long written = 0;
        for (int round = 0; round < 5; round++)
        {
            Thread.Sleep(20);
            writer.TryPause();
            var one = new List<PageRun>();
            var several = new List<PageRun>();
            written += tracker.Scan(one, rearm: false);
            Assert.Equal(one.Sum(run => run.PageCount), tracker.ScanInPause(several, rearm: true));
            Assert.Equal(PagesOf(one), PagesOf(several));
            Assert.Equal(0, tracker.ScanInPause([], rearm: false));
            writer.Resume();
        }
        Assert.InRange(written, 1, long.MaxValue);
    }

    [Fact]
    public void A_process_that_has_ended_is_the_same_error_with_several_threads()
    {
        var writer = new Writer(_program, Pages);
        using DirtyTracker tracker = DirtyTracker.Attach(writer.Pid, PieceBytes, Threads);
        tracker.Track(writer.Blocks);
        writer.Dispose();

        LinuxException one = Assert.Throws<LinuxException>(() => tracker.Scan([], rearm: false));
        LinuxException several = Assert.Throws<LinuxException>(() => tracker.ScanInPause([], rearm: false));

        Assert.Equal(one.Errno, several.Errno);
    }

    // In the order in which they were listed.
    private static List<(int Block, uint Page)> PagesOf(List<PageRun> runs) =>
        [.. runs.SelectMany(run => Enumerable.Range(0, (int)run.PageCount).Select(page => (run.Block, run.FirstPage + (uint)page)))];
}
