// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Protocol.Guest;

namespace Hikae.Sidecar.Classify;

/// <summary>The host's end of the virtio-serial port: a unix socket that QEMU listens on, found in the live domain XML.</summary>
/// <remarks>
/// Theory of operation. One thread connects, pings until the agent says hello, reads frames and hands answers on; when the socket
/// breaks it connects again, waiting longer each time. Requests are written by whoever asks, without waiting: a guest that does not
/// read makes a request fail, not the checkpoint loop stand still.
///
/// The guest is hostile. Memory: one receive buffer of one frame and one unpacked slice, both taken at the start. Time: a frame
/// nobody asked for counts, and at <see cref="MaxUnwantedFrames"/> since the last complete answer (or
/// <see cref="MaxSkippedBytes"/> bytes of garbage) the connection is dropped and the wait before the next one grows.
/// </remarks>
internal sealed class GuestAgentChannel : IScanRequester, IReadsRequester, IDisposable
{
    /// <summary>Each may cost a hash of a whole frame, 10 us: 2.5 ms of work until the connection is dropped.</summary>
    internal const int MaxUnwantedFrames = 256;

    /// <summary>A port that was cut leaves less than one frame of garbage.</summary>
    internal const long MaxSkippedBytes = 16 * 1024 * 1024;

    internal static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(100);
    internal static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_pingInterval = TimeSpan.FromSeconds(5);

    // set once
    private readonly string _socketPath;
    private readonly Thread _thread;
    private readonly CancellationTokenSource _stop = new();

    // channel's thread only
    private readonly byte[] _received = GC.AllocateUninitializedArray<byte>(GuestProtocol.MaxFrameBytes);
    private readonly byte[] _unpacked = new byte[GuestProtocol.MaxSliceBytes];
    private int _buffered;
    private int _unwanted;
    private long _skippedBytes;
    private bool _isPinged;
    private TimeSpan _wait = ShortestWait;

    // by Volatile and Interlocked only
    private IScanAnswers? _answers;
    private IReadsAnswers? _reads;
    private Socket? _socket;
    private GuestHello? _hello;
    private long _refusedFrames;
    private long _lateFrames;
    private bool _isUnanswered;

    internal GuestAgentChannel(string socketPath)
    {
        _socketPath = socketPath;
        _thread = new Thread(Run) { Name = "guest agent", IsBackground = true };
    }

    /// <summary>What the agent said of itself on this connection. Null: no agent answers. Any thread.</summary>
    internal GuestHello? Hello => Volatile.Read(ref _hello);

    /// <summary>Frames that were damaged, false or not asked for. Any thread.</summary>
    internal long RefusedFrames => Interlocked.Read(ref _refusedFrames);

    /// <summary>Frames of scans that nobody waits for any more. Any thread.</summary>
    internal long LateFrames => Interlocked.Read(ref _lateFrames);

    /// <summary>Begins to connect. Call once.</summary>
    internal void Start() => _thread.Start();

    /// <summary>Who takes the answers from now on. The guest's memory map may change, and its hints with it.</summary>
    internal void Use(IScanAnswers? answers, IReadsAnswers? reads = null)
    {
        Volatile.Write(ref _answers, answers);
        Volatile.Write(ref _reads, reads);
    }

    /// <summary>Asks, if an agent is there that reports free pages. Any one thread; never waits.</summary>
    public bool TryRequest(in ScanRequest request)
    {
        if (Hello is not { } hello || (hello.Available & ScanContents.Free) == 0)
        {
            return false;
        }

        Span<byte> frames = stackalloc byte[GuestProtocol.HeaderBytes + ScanRequest.FrameBytes];
        int length = 0;
        if (Volatile.Read(ref _isUnanswered))
        {
            // The agent may have been replaced meanwhile: let it introduce itself.
            length = GuestFrameWriter.WritePing(frames);
        }

        length += request.WriteFrame(frames[length..]);
        Volatile.Write(ref _isUnanswered, true);
        return TrySend(frames[..length]);
    }

    /// <summary>Asks, if an agent is there. One that is older than the question does not answer. Any one thread; never waits.</summary>
    public bool TryRequestReads(in ReadsRequest request)
    {
        Span<byte> frame = stackalloc byte[ReadsRequest.FrameBytes];
        return Hello is not null && TrySend(frame[..request.WriteFrame(frame)]);
    }

    /// <summary>Tells the guest that it was continued on this host. False: no agent is connected now.</summary>
    internal bool TryTellFailedOver(ulong generation)
    {
        Span<byte> frame = stackalloc byte[FailedOver.FrameBytes];
        return Hello is not null && TrySend(frame[..new FailedOver(generation).WriteFrame(frame)]);
    }

    /// <summary>Closes the socket and waits for the thread.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        Disconnect();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }

        _stop.Dispose();
    }

    private void Run()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

                // Also bounds connect, which waits when QEMU's backlog is full.
                socket.SendTimeout = (int)ShortestWait.TotalMilliseconds;
                socket.Connect(new UnixDomainSocketEndPoint(_socketPath));
                socket.Blocking = false;
                Volatile.Write(ref _socket, socket);
                Serve(socket);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Nobody listens, or not any more. The state an operator sees is that there is no hello.
            }

            Disconnect();
            Volatile.Write(ref _hello, null);
            Volatile.Read(ref _answers)?.Lost();
            Volatile.Read(ref _reads)?.Lost();
            _stop.Token.WaitHandle.WaitOne(_wait);
            _wait = _wait * 2 < LongestWait ? _wait * 2 : LongestWait;
        }
    }

    private void Serve(Socket socket)
    {
        _buffered = 0;
        _unwanted = 0;
        _skippedBytes = 0;
        _isPinged = false;
        while (!_stop.IsCancellationRequested && _unwanted < MaxUnwantedFrames && _skippedBytes < MaxSkippedBytes)
        {
            if (Hello is null)
            {
                Ping();
            }

            // The guest's agent may be started any time, so one that has not answered is asked again; one that has, costs nothing.
            TimeSpan limit = Hello is null ? s_pingInterval : Timeout.InfiniteTimeSpan;
            if (!socket.Poll(limit, SelectMode.SelectRead))
            {
                continue;
            }

            int read = socket.Receive(_received.AsSpan(_buffered), SocketFlags.None, out SocketError error);
            if (error is SocketError.WouldBlock or SocketError.Interrupted)
            {
                continue;
            }

            if (read == 0 || error != SocketError.Success)
            {
                return;
            }

            _buffered += read;
            TakeFrames();
        }
    }

    private void TakeFrames()
    {
        var reader = new GuestFrameReader(_received.AsSpan(0, _buffered));
        while (reader.TryRead(out GuestFrame frame))
        {
            Take(frame);
        }

        _skippedBytes += reader.SkippedBytes;
        Refuse(reader.RefusedFrames);
        if (reader.Consumed > 0)
        {
            _buffered -= reader.Consumed;
            _received.AsSpan(reader.Consumed, _buffered).CopyTo(_received);
        }
    }

    private void Take(GuestFrame frame)
    {
        IScanAnswers? answers = Volatile.Read(ref _answers);
        bool accepted = false;
        if (frame.Type == GuestFrameType.Hello)
        {
            accepted = (_isPinged || Volatile.Read(ref _isUnanswered)) && GuestHello.TryParse(frame.Payload, out GuestHello? hello) && Accept(hello!);
        }
        else if (frame.Type == GuestFrameType.ScanAnswer && ScanAnswer.TryParse(frame.Payload, out ScanAnswer answer))
        {
            if (answers?.IsWanted(answer.ScanNumber) != true)
            {
                CountLate();
                return;
            }

            accepted = answer.TryDecode(_unpacked, out ReadOnlySpan<byte> free, out ReadOnlySpan<byte> cache)
                && answers.TakeSlice(answer, free, cache);
        }
        else if (frame.Type == GuestFrameType.ScanEnd && ScanEnd.TryParse(frame.Payload, out ScanEnd end))
        {
            if (answers?.IsWanted(end.ScanNumber) != true)
            {
                CountLate();
                return;
            }

            accepted = answers.TakeEnd(end);
            EndScan(accepted, answers);
        }
        else if (frame.Type == GuestFrameType.ReadsAnswer && ReadsAnswer.TryParse(frame.Payload, out ReadsAnswer reads))
        {
            if (!IsWanted(reads.Number, out IReadsAnswers? taker))
            {
                return;
            }

            accepted = taker!.Take(reads);
        }
        else if (frame.Type == GuestFrameType.ReadsEnd && ReadsEnd.TryParse(frame.Payload, out ReadsEnd? readsEnd))
        {
            if (!IsWanted(readsEnd!.Number, out IReadsAnswers? taker))
            {
                return;
            }

            accepted = taker!.TakeEnd(readsEnd);
            if (accepted)
            {
                Forgive();
            }
        }
        else if (frame.IsOptional)
        {
            // A newer agent may say more than we know; but it counts, or it could say it for ever.
            _unwanted++;
            return;
        }

        Refuse(accepted ? 0 : 1);
    }

    private bool IsWanted(ulong number, out IReadsAnswers? reads)
    {
        reads = Volatile.Read(ref _reads);
        if (reads?.IsWanted(number) == true)
        {
            return true;
        }

        CountLate();
        return false;
    }

    private bool Accept(GuestHello hello)
    {
        _isPinged = false;
        Volatile.Write(ref _hello, hello);
        return true;
    }

    private void EndScan(bool isWhole, IScanAnswers answers)
    {
        Volatile.Write(ref _isUnanswered, false);
        if (!isWhole)
        {
            answers.Lost();
            return;
        }

        Forgive();
    }

    // An agent that does its work is forgiven what came before.
    private void Forgive()
    {
        _unwanted = 0;
        _skippedBytes = 0;
        _wait = ShortestWait;
    }

    private void Ping()
    {
        Span<byte> frame = stackalloc byte[GuestProtocol.HeaderBytes];
        _isPinged = true;
        TrySend(frame[..GuestFrameWriter.WritePing(frame)]);
    }

    private void Refuse(int frames)
    {
        _unwanted += frames;
        Interlocked.Add(ref _refusedFrames, frames);
    }

    private void CountLate()
    {
        _unwanted++;
        Interlocked.Increment(ref _lateFrames);
    }

    private bool TrySend(ReadOnlySpan<byte> frames)
    {
        try
        {
            if (Volatile.Read(ref _socket) is not { } socket)
            {
                return false;
            }

            int sent = socket.Send(frames, SocketFlags.None, out SocketError error);

            // A frame cut in the middle is lost; the agent finds the next one by its magic.
            return error == SocketError.Success && sent == frames.Length;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    private void Disconnect()
    {
        try
        {
            // Shutting down wakes the thread that polls; closing alone would not.
            Interlocked.Exchange(ref _socket, null)?.Shutdown(SocketShutdown.Both);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is closed already.
        }
    }
}
