// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar;

/// <summary>Does something at a pace, on a thread of its own: the pool's threads may all be waiting, few as they are on a small host, and whoever is not heard for long is taken for dead.</summary>
internal sealed class HeartbeatThread : IDisposable
{
    private const int StackBytes = 256 * 1024;

    private readonly ManualResetEventSlim _end = new();
    private readonly TimeSpan _interval;
    private readonly Action _beat;

    /// <param name="interval">From one call's end to the next call.</param>
    /// <param name="beat">Must not throw.</param>
    public HeartbeatThread(TimeSpan interval, Action beat)
    {
        _interval = interval;
        _beat = beat;
        new Thread(Run, StackBytes) { IsBackground = true, Name = "heartbeat" }.Start();
    }

    /// <summary>Does not wait for a call that is under way.</summary>
    public void Dispose() => _end.Set();

    private void Run()
    {
        while (!_end.Wait(_interval))
        {
            _beat();
        }
    }
}
