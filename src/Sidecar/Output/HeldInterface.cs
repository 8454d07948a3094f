// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Native.Linux;
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Output;

/// <summary>One interface of the guest whose packets come to us and leave when we say so.</summary>
/// <remarks>
/// Theory of operation. QEMU writes each packet of the guest to one socket and sends on what it reads from another. It writes with its main
/// loop standing still, so a thread reads whatever comes at once: a packet that may not leave waits here, never in QEMU. What may leave is written
/// by whoever allows it, as far as the socket takes it; a second thread writes the rest.
///
/// When the guest stands still, all it has sent lies in the socket already (QEMU's filter writes it whole before it returns). So the line
/// between two epochs is drawn by reading until nothing is left.
///
/// Reading and appending happen under one lock: otherwise the reader could hold a packet that is older than the line, and append it behind.
/// When this process dies, QEMU finds its socket closed and drops what the guest sends: nothing leaks.
/// </remarks>
internal sealed class HeldInterface : IDisposable
{
    private const int ReadBytes = 128 * 1024;

    // So that one busy interface cannot keep the lock from whoever draws the line.
    private const int ReadsPerTurn = 8;

    private static readonly TimeSpan DrainPoll = TimeSpan.FromMilliseconds(1);

    private readonly Socket _fromGuest;
    private readonly Socket _toNetwork;
    private readonly Action _packetWaits;
    private readonly Func<bool> _mayLeave;
    private readonly AutoResetEvent _writable = new(false);
    private readonly Thread _reader;
    private readonly Thread _writer;
    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly PacketQueue _queue;
    private readonly byte[] _buffer = new byte[ReadBytes];
    private Exception? _failure;
    private volatile bool _isEnding;

    /// <param name="nic">Which interface.</param>
    /// <param name="fromGuest">QEMU's filter writes here what the guest sends. Disposed here.</param>
    /// <param name="toNetwork">What is written here, the filter passes on. Disposed here.</param>
    /// <param name="maxBytes">As much may wait; packets beyond are dropped.</param>
    /// <param name="packetWaits">Called on the reader thread whenever something came that waits for a checkpoint.</param>
    /// <param name="mayLeave">Asked right before each write: false holds back what was released, until <see cref="TryAgain"/>. Null: always true.</param>
    public HeldInterface(GuestInterface nic, Socket fromGuest, Socket toNetwork, long maxBytes, Action packetWaits, Func<bool>? mayLeave = null)
    {
        Nic = nic;
        _fromGuest = fromGuest;
        _toNetwork = toNetwork;
        _packetWaits = packetWaits;
        _mayLeave = mayLeave ?? (static () => true);
        _queue = new PacketQueue(maxBytes);
        _reader = new Thread(Read) { IsBackground = true, Name = $"from {nic.Alias}" };
        _writer = new Thread(Write) { IsBackground = true, Name = $"to {nic.Alias}" };
    }

    public GuestInterface Nic { get; }

    /// <summary>What was released may leave again.</summary>
    public void TryAgain() => _writable.Set();

    /// <summary>Why packets can no longer be held; null when they can.</summary>
    public Exception? Failure
    {
        get
        {
            lock (_gate)
            {
                return _failure;
            }
        }
    }

    public OutputCounters Counters
    {
        get
        {
            lock (_gate)
            {
                return new OutputCounters(_queue.Packets, _queue.Dropped, _queue.Bytes);
            }
        }
    }

    /// <summary>Packets begin to come. Until something else is said, they pass.</summary>
    public void Start()
    {
        _reader.Start();
        _writer.Start();
    }

    /// <summary>The guest stands still, or its packets do not come yet: what it sends from now on waits.</summary>
    public void Hold()
    {
        lock (_gate)
        {
            ReadAll();
            _queue.Hold();
            Flush();
        }
    }

    /// <summary>The guest stands still: what it sent so far belongs to <paramref name="epoch"/>.</summary>
    public void Seal(EpochId epoch)
    {
        lock (_gate)
        {
            ReadAll();
            if (_failure is not null)
            {
                throw new InvalidDataException($"The packets of interface {Nic.Name} can no longer be held: {_failure.Message}", _failure);
            }
            _queue.Seal(epoch);
        }
    }

    /// <summary>Everything through <paramref name="epoch"/> may leave. Any thread; does not wait.</summary>
    public void ReleaseThrough(EpochId epoch)
    {
        lock (_gate)
        {
            _queue.ReleaseThrough(epoch);
            Flush();
        }
    }

    /// <summary>Everything may leave. Any thread; does not wait.</summary>
    public void PassThrough()
    {
        lock (_gate)
        {
            _queue.PassThrough();
            Flush();
        }
    }

    /// <summary>Nothing may leave any more. Any thread.</summary>
    public void DropAll()
    {
        lock (_gate)
        {
            _queue.DropAll();
        }
    }

    /// <summary>The guest stands still and its packets pass: waits until the last one is in QEMU's hands. False: not within the limit.</summary>
    public bool WaitDrained(TimeSpan limit)
    {
        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        while (true)
        {
            lock (_gate)
            {
                ReadAll();
                Flush();
                if (_failure is not null || (_queue.Ready.IsEmpty && !StreamSocket.HasUnread(_toNetwork)))
                {
                    return true;
                }
            }
            if (System.Diagnostics.Stopwatch.GetElapsedTime(started) > limit)
            {
                return false;
            }
            Thread.Sleep(DrainPoll);
        }
    }

    public void Dispose()
    {
        if (_isEnding)
        {
            return;
        }
        _isEnding = true;
        Shutdown(_fromGuest);
        Shutdown(_toNetwork);
        _writable.Set();
        if (_reader.ThreadState is not ThreadState.Unstarted)
        {
            _reader.Join();
            _writer.Join();
        }
        _fromGuest.Dispose();
        _toNetwork.Dispose();
        _writable.Dispose();
        _queue.Dispose();
    }

    private static void Shutdown(Socket socket)
    {
        try
        {
            socket.Shutdown(SocketShutdown.Both);
        }
        catch (SocketException)
        {
            // QEMU has closed its end.
        }
    }

    private void Read()
    {
        while (!_isEnding)
        {
            _fromGuest.Poll(Timeout.Infinite, SelectMode.SelectRead);
            bool waits;
            lock (_gate)
            {
                for (int i = 0; i < ReadsPerTurn && ReadOnce(); i++)
                {
                }
                if (_failure is not null)
                {
                    return;
                }
                Flush();
                waits = _queue.IsWaiting;
            }
            if (waits)
            {
                _packetWaits();
            }
        }
    }

    private void Write()
    {
        while (true)
        {
            _writable.WaitOne();
            if (_isEnding)
            {
                return;
            }
            _toNetwork.Poll(Timeout.Infinite, SelectMode.SelectWrite);
            lock (_gate)
            {
                Flush();
            }
        }
    }

    private void ReadAll()
    {
        while (ReadOnce())
        {
        }
    }

    /// <summary>False when nothing is left.</summary>
    private bool ReadOnce()
    {
        if (_failure is not null)
        {
            return false;
        }
        try
        {
            int? read = StreamSocket.TryReceive(_fromGuest, _buffer);
            if (read is 0)
            {
                throw new EndOfStreamException("QEMU has closed its end");
            }
            _queue.Add(_buffer.AsSpan(0, read ?? 0));
            return read is not null;
        }
        catch (Exception error) when (error is LinuxException or InvalidDataException or EndOfStreamException)
        {
            _failure = error;
            return false;
        }
    }

    /// <summary>Gives QEMU what may leave, as far as it takes it now; the writer thread does the rest.</summary>
    private void Flush()
    {
        try
        {
            while (_failure is null)
            {
                ReadOnlySpan<byte> ready = _queue.Ready;
                if (ready.IsEmpty || !_mayLeave())
                {
                    return;
                }
                int sent = StreamSocket.TrySend(_toNetwork, ready);
                if (sent == 0)
                {
                    _writable.Set();
                    return;
                }
                _queue.Leave(sent);
            }
        }
        catch (LinuxException error)
        {
            _failure = error;
        }
    }
}
