// SPDX-License-Identifier: LGPL-2.1-or-later
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Hikae.Tools.Tests.Watch;

/// <summary>Stands still until a test has seen enough of a frame. A watch waits on its clock after each frame, and so tells that it is drawn.</summary>
internal sealed class FrameClock : FakeTimeProvider, IDisposable
{
    internal static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly SemaphoreSlim _drawn = new(0);
    private int _frames;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ITimer timer = base.CreateTimer(callback, state, dueTime, period);
        _drawn.Release();
        return timer;
    }

    /// <summary>Lets time pass until so many frames have been drawn in all.</summary>
    internal async Task FramesAsync(int count)
    {
        for (; _frames < count; _frames++)
        {
            if (_frames > 0)
            {
                Advance(Interval);
            }

            Assert.True(await _drawn.WaitAsync(Deadline, TestContext.Current.CancellationToken), $"frame {_frames + 1} never came");
        }
    }

    public void Dispose() => _drawn.Dispose();
}
