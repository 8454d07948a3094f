// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Nbd;

/// <summary>The threads that wait for the image, or for room, on behalf of one client. They are started when needed and end with the connection.</summary>
internal sealed class WaitingThreads(Action<WaitingRequest> handle)
{
    private readonly object _gate = new();
    private readonly Queue<WaitingRequest> _waiting = [];
    private readonly List<Thread> _threads = [];
    private long _waitingBytes;
    private int _idle;
    private bool _ends;

    /// <summary>Hands a request over. Waits while too many wait already, so that no client can make us hold more than the limits say.</summary>
    public void Add(in WaitingRequest request)
    {
        int bytes = request.Data?.Length ?? 0;
        lock (_gate)
        {
            while (!_ends && (_waiting.Count >= NbdLimits.MaxWaiting || (_waitingBytes > 0 && _waitingBytes + bytes > NbdLimits.MaxWaitingBytes)))
            {
                Monitor.Wait(_gate);
            }

            _waiting.Enqueue(request);
            _waitingBytes += bytes;
            if (_idle == 0 && _threads.Count < NbdLimits.MaxWaitingThreads)
            {
                var thread = new Thread(Run, NbdServer.StackBytes) { IsBackground = true, Name = "nbd wait" };
                _threads.Add(thread);
                thread.Start();
            }
            else
            {
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>Waits until every request is answered, and ends the threads.</summary>
    public void Finish()
    {
        lock (_gate)
        {
            _ends = true;
            Monitor.PulseAll(_gate);
        }

        foreach (Thread thread in _threads)
        {
            thread.Join();
        }
    }

    private void Run()
    {
        while (true)
        {
            WaitingRequest request;
            lock (_gate)
            {
                _idle++;
                while (_waiting.Count == 0)
                {
                    if (_ends)
                    {
                        return;
                    }

                    Monitor.Wait(_gate);
                }

                _idle--;
                request = _waiting.Dequeue();
            }

            handle(request);
            lock (_gate)
            {
                _waitingBytes -= request.Data?.Length ?? 0;
                Monitor.PulseAll(_gate);
            }
        }
    }
}
