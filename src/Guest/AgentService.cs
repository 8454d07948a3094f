// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Guest.Pages;
using Hikae.Protocol.Guest;

namespace Hikae.Guest;

/// <summary>Answers the host until told to stop.</summary>
/// <remarks>
/// Theory of operation. One thread, blocked in a read of the port: a guest pays nothing while nobody asks. Of several scan requests
/// that piled up (the host was restarted) only the newest is answered, for the host has forgotten the others; the same for requests to watch reads,
/// during which nothing else is answered. When the host end
/// is closed or the port is missing, the thread waits, longer each time up to <see cref="LongestWait"/>, and looks again.
/// </remarks>
internal sealed class AgentService(Func<IHostPort?> open, PageScan scan, IReadWatch reads, GuestHello hello, Action<FailedOver> failedOver, TextWriter log)
    : ISliceSink, IReadSink
{
    internal static readonly TimeSpan ShortestWait = TimeSpan.FromMilliseconds(100);
    internal static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(2);

    // What a host sends is below 100 bytes a frame; a buffer full without a frame holds nothing that will become one.
    private const int ReceiveBytes = 4096;

    private readonly byte[] _received = new byte[ReceiveBytes];
    private readonly byte[] _frame = new byte[ScanAnswer.MaxFrameBytes];
    private int _buffered;
    private ulong _lastGeneration;
    private string _lastTrouble = string.Empty;

    // Of the scan being answered.
    private IHostPort? _port;
    private ScanRequest _request;
    private ScanContents _contents;
    private uint _slices;

    // Of the reads being told.
    private ulong _readsNumber;
    private uint _readsAnswers;

    /// <summary>Returns when <paramref name="stop"/> is set and no read is waiting.</summary>
    internal void Run(CancellationToken stop)
    {
        TimeSpan wait = ShortestWait;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                using IHostPort? port = open();
                Tell(port is null ? "no virtio-serial port named " + GuestProtocol.PortName + " yet" : "port open");
                if (port is not null)
                {
                    Serve(port, ref wait, stop);
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Tell(e.Message);
            }

            Pause(ref wait, stop);
        }
    }

    /// <summary>Sends one slice of the scan in progress.</summary>
    public void Take(ulong firstPfn, int pages, ReadOnlySpan<byte> both)
    {
        ReadOnlySpan<byte> bitmaps = _contents switch
        {
            ScanContents.Free => both[..(both.Length / 2)],
            ScanContents.Cache => both[(both.Length / 2)..],
            _ => both,
        };
        int length = ScanAnswer.WriteFrame(_frame, _request.ScanNumber, firstPfn, pages, _contents, bitmaps);
        _slices++;
        _port!.Write(_frame.AsSpan(0, length));
    }

    /// <summary>Sends what was read in one stretch of memory.</summary>
    public void TakeReads(ulong firstChunk, ReadOnlySpan<byte> chunks)
    {
        int length = ReadsAnswer.WriteFrame(_frame, _readsNumber, firstChunk, chunks);
        _readsAnswers++;
        _port!.Write(_frame.AsSpan(0, length));
    }

    private static void Pause(ref TimeSpan wait, CancellationToken stop)
    {
        stop.WaitHandle.WaitOne(wait);
        wait = wait * 2 < LongestWait ? wait * 2 : LongestWait;
    }

    private void Serve(IHostPort port, ref TimeSpan wait, CancellationToken stop)
    {
        _port = port;
        _buffered = 0;
        while (!stop.IsCancellationRequested)
        {
            int read = port.Read(_received.AsSpan(_buffered));
            if (read == 0)
            {
                _buffered = 0;
                Pause(ref wait, stop);
                continue;
            }

            wait = ShortestWait;
            _buffered += read;
            Answer();
        }
    }

    private void Answer()
    {
        var reader = new GuestFrameReader(_received.AsSpan(0, _buffered));
        ScanRequest? newest = null;
        ReadsRequest? newestReads = null;
        bool pinged = false;
        while (reader.TryRead(out GuestFrame frame))
        {
            if (frame.Type == GuestFrameType.ScanRequest && ScanRequest.TryParse(frame.Payload, out ScanRequest request))
            {
                newest = request;
            }
            else if (frame.Type == GuestFrameType.ReadsRequest && ReadsRequest.TryParse(frame.Payload, out ReadsRequest watch))
            {
                newestReads = watch;
            }
            else if (frame.Type == GuestFrameType.FailedOver && FailedOver.TryParse(frame.Payload, out FailedOver notice))
            {
                Act(notice);
            }

            pinged |= frame.Type == GuestFrameType.Ping;
        }

        _buffered -= reader.Consumed;
        _received.AsSpan(reader.Consumed, _buffered).CopyTo(_received);
        _buffered = _buffered == ReceiveBytes ? 0 : _buffered;

        if (pinged)
        {
            _port!.Write(_frame.AsSpan(0, hello.WriteFrame(_frame)));
        }

        if (newest is { } asked)
        {
            Scan(asked);
        }

        if (newestReads is { } watched)
        {
            Watch(watched);
        }
    }

    private void Scan(ScanRequest request)
    {
        _request = request;
        _contents = request.Wanted & hello.Available;
        _slices = 0;
        ScanCounts counts = _contents == ScanContents.None
            ? default
            : scan.Run(request.FirstPfn, request.FirstPfn + request.PfnCount, this);
        var end = new ScanEnd(
            request.ScanNumber, counts.Scanned, counts.Free, counts.Cache, (ulong)counts.Elapsed.TotalMicroseconds, _slices);
        _port!.Write(_frame.AsSpan(0, end.WriteFrame(_frame)));
    }

    private void Watch(ReadsRequest request)
    {
        _readsNumber = request.Number;
        _readsAnswers = 0;
        string whyNot = reads.Watch(TimeSpan.FromMilliseconds(request.Milliseconds), this);
        var end = new ReadsEnd { Number = request.Number, Answers = _readsAnswers, WhyNot = whyNot };
        _port!.Write(_frame.AsSpan(0, end.WriteFrame(_frame)));
    }

    private void Act(FailedOver notice)
    {
        // Our memory is as old as the checkpoint, and so is this number: each failover is a new one.
        if (notice.Generation > _lastGeneration)
        {
            _lastGeneration = notice.Generation;
            log.WriteLine($"this guest was continued on another host (failover {notice.Generation})");
            failedOver(notice);
        }
    }

    private void Tell(string trouble)
    {
        if (trouble != _lastTrouble)
        {
            _lastTrouble = trouble;
            log.WriteLine(trouble);
        }
    }
}
