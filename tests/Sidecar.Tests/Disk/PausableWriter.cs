// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Tests.Disk;

/// <summary>A guest that always has many writes under way and, like QEMU, is stopped only when all of them are answered.</summary>
internal sealed class PausableWriter : IDisposable
{
    private const int WriteBytes = 32 << 10;

    private readonly object _gate = new();
    private readonly NbdTestClient _client;
    private readonly Thread _thread;
    private readonly int _inFlight;
    private int _writes;
    private bool _pauses;
    private bool _stands;
    private bool _ends;

    public PausableWriter(RunningDisk running, int inFlight)
    {
        _inFlight = inFlight;
        _client = running.Connect();
        _thread = new Thread(Run) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>This many more are sent, which is more than the buffer has room for if a test wants it so.</summary>
    public bool AwaitWrites(int count, TimeSpan limit)
    {
        int began = Volatile.Read(ref _writes);
        return SpinWait.SpinUntil(() => Volatile.Read(ref _writes) - began >= count, limit);
    }

    public bool Pause(TimeSpan limit)
    {
        lock (_gate)
        {
            _pauses = true;
            return _stands || Monitor.Wait(_gate, limit);
        }
    }

    public void Resume()
    {
        lock (_gate)
        {
            _pauses = false;
            _stands = false;
            Monitor.PulseAll(_gate);
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _ends = true;
            Monitor.PulseAll(_gate);
        }

        _thread.Join();
        _client.Dispose();
    }

    private void Run()
    {
        byte[] data = new byte[WriteBytes];
        int under = 0;
        while (true)
        {
            bool pauses;
            lock (_gate)
            {
                pauses = _pauses || _ends;
                if (pauses && under == 0)
                {
                    if (_ends)
                    {
                        return;
                    }

                    _stands = true;
                    Monitor.PulseAll(_gate);
                    while (_stands && !_ends)
                    {
                        Monitor.Wait(_gate);
                    }

                    continue;
                }
            }

            while (!pauses && under < _inFlight)
            {
                _client.Send(NbdTestClient.Write, (ulong)(_writes++ % 400 * WriteBytes), WriteBytes, data);
                under++;
            }

            Xunit.Assert.Equal(0u, _client.Next().Error);
            under--;
        }
    }
}
