// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Capture;
using Xunit;

namespace Hikae.Sidecar.Tests.Capture;

public sealed class ScanThreadsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public void Each_piece_is_done_once()
    {
        using var threads = new ScanThreads(3);
        for (int round = 0; round < 2_000; round++)
        {
            int[] done = new int[round % 20];
            threads.Do(done.Length, piece => Interlocked.Increment(ref done[piece]));
            Assert.All(done, times => Assert.Equal(1, times));
        }
    }

    [Fact]
    public void Helpers_take_part()
    {
        using var threads = new ScanThreads(1);
        using var both = new Barrier(2);

        // Each of the two pieces waits until the other one has begun.
        threads.Do(2, _ => Assert.True(both.SignalAndWait(Patience)));
    }

    [Fact]
    public void A_helper_that_has_begun_nothing_is_not_waited_for()
    {
        using var threads = new ScanThreads(1);
        using var isTaken = new ManualResetEventSlim();
        using var letGo = new ManualResetEventSlim();
        int caller = Environment.CurrentManagedThreadId;

        // The helper is held in the first round by the piece it took; the next one is done without it.
        var first = new Thread(() => threads.Do(2, _ =>
        {
            if (Thread.CurrentThread.Name?.StartsWith("scan", StringComparison.Ordinal) == true)
            {
                isTaken.Set();
                letGo.Wait(Patience);
            }
            else
            {
                isTaken.Wait(Patience);
            }
        }));
        first.Start();
        Assert.True(isTaken.Wait(Patience, TestContext.Current.CancellationToken));
        var by = new List<int>();
        threads.Do(3, _ => by.Add(Environment.CurrentManagedThreadId));

        Assert.Equal([caller, caller, caller], by);
        letGo.Set();
        Assert.True(first.Join(Patience));
    }

    [Fact]
    public void What_a_piece_throws_reaches_the_caller_and_the_others_are_done()
    {
        using var threads = new ScanThreads(2);
        int done = 0;

        IOException error = Assert.Throws<IOException>(() => threads.Do(8, piece =>
        {
            Interlocked.Increment(ref done);
            if (piece == 3)
            {
                throw new IOException("third");
            }
        }));

        Assert.Equal("third", error.Message);
        Assert.Equal(8, done);
        threads.Do(1, _ => done++);
        Assert.Equal(9, done);
    }
}
