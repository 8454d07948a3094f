// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Hikae.Guest;
using Hikae.Guest.Pages;
using Hikae.Protocol.Guest;
using Hikae.Sidecar.Classify;
using Xunit;

namespace Hikae.Sidecar.Tests.Classify;

public sealed class GuestAgentChannelTests : IDisposable
{
    private const ulong FreeFlag = 1UL << 10;
    private const ulong CacheFlags = (1UL << 5) | (1UL << 3);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    private readonly AgentSocket _socket = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly GuestAgentChannel _channel;
    private readonly FreePageHints _hints;

    public GuestAgentChannelTests()
    {
        _channel = new GuestAgentChannel(_socket.Path);
        _hints = new FreePageHints(MemoryTrees.Small(), _channel, TimeProvider.System);
        _channel.Use(_hints);
        _channel.Start();
    }

    public void Dispose()
    {
        _stop.Cancel();
        _channel.Dispose();
        _socket.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public void The_real_agent_answers_the_real_channel_also_after_the_host_end_was_closed()
    {
        string root = Directory.CreateTempSubdirectory("hikae-guest-").FullName;
        Directory.CreateDirectory(Path.Combine(root, "proc"));
        ulong[] flags = new ulong[256];
        flags.AsSpan(10, 20).Fill(FreeFlag);
        flags.AsSpan(100, 50).Fill(CacheFlags);
        File.WriteAllBytes(Path.Combine(root, "proc/kpageflags"), MemoryMarshal.AsBytes(flags.AsSpan()).ToArray());
        var hello = new GuestHello { AgentVersion = "1", KernelRelease = "6", PageSize = 4096, Available = ScanContents.Both, FreeIsOff = "" };
        var opened = new List<Socket>();
        var agent = new AgentService(
            () =>
            {
                opened.Add(_socket.Accept());
                return new SocketPort(opened[^1]);
            },
            new PageScan(new GuestFiles(root)),
            new ReadWatch(new GuestFiles(root)),
            hello,
            _ => { },
            TextWriter.Null);
        var thread = new Thread(() => agent.Run(_stop.Token)) { IsBackground = true };
        thread.Start();

        for (ulong scan = 1; scan <= 2; scan++)
        {
            WaitFor(() => _channel.Hello is not null);
            _hints.Ask(scan);
            _hints.MarkWritten(0, 12, 3);
            FreePageAnswer answer = default;
            WaitFor(() => _hints.TryTakeAnswer(out answer));
            Assert.True(answer.TryNextRun(0, 0, out long first, out long count));
            Assert.Equal((10, 2), (first, count));
            Assert.True(answer.TryNextRun(0, 12, out first, out count));
            Assert.Equal((15, 15), (first, count));
            Assert.Equal(17, _hints.FreePages);
            Assert.Equal(50, _hints.CachePages);

            opened[^1].Shutdown(SocketShutdown.Both);
            WaitFor(() => _channel.Hello is null);
        }

        Assert.Equal(0, _channel.RefusedFrames);
        Directory.Delete(root, recursive: true);
    }

    [Fact]
    public void An_agent_that_cannot_report_free_pages_is_not_asked()
    {
        using Socket guest = _socket.Accept();
        Send(guest, Hello(ScanContents.Cache));
        WaitFor(() => _channel.Hello is not null);
        _hints.Ask(1);
        Assert.False(((IScanAnswers)_hints).IsWanted(1));
    }

    [Fact]
    public void Late_and_false_frames_are_counted_apart_and_harm_nothing()
    {
        using Socket guest = _socket.Accept();
        Send(guest, Hello(ScanContents.Both));
        WaitFor(() => _channel.Hello is not null);
        _hints.Ask(7);
        Send(guest, Answer(6, 0, 256));
        Send(guest, Answer(7, 0, 257));
        Send(guest, "HKAG and other garbage"u8.ToArray());
        Send(guest, Hello(ScanContents.Both)[..30]);
        Send(guest, Answer(7, 0, 256));
        Send(guest, End(7, 1));
        WaitFor(() => _hints.TryTakeAnswer(out _));
        Assert.Equal(1, _channel.LateFrames);
        Assert.Equal(3, _channel.RefusedFrames);
        Assert.Equal(256, _hints.FreePages);
    }

    [Fact]
    public void What_the_guest_reads_arrives_and_late_and_false_answers_count()
    {
        var reads = new GuestReads(MemoryTrees.Small(), _channel, TimeProvider.System);
        _channel.Use(_hints, reads);
        using Socket guest = _socket.Accept();
        Send(guest, Hello(ScanContents.Both));
        WaitFor(() => _channel.Hello is not null);
        reads.Ask(5);
        Send(guest, Reads(4, 0));
        Send(guest, EndOfReads(4, 1));
        Send(guest, Reads(5, 1)); // behind the guest's only chunk
        Send(guest, Reads(5, 0));
        Send(guest, EndOfReads(5, 1));

        WaitFor(() => reads.Pages is not null);
        Assert.Equal([25], Assert.Single(reads.Take()!).Heat);
        Assert.Equal(2, _channel.LateFrames);
        Assert.Equal(1, _channel.RefusedFrames);
    }

    [Fact]
    public void A_guest_that_floods_is_dropped_and_connected_to_again()
    {
        using (Socket guest = _socket.Accept())
        {
            byte[] flood = [.. Enumerable.Repeat(End(99, 0), GuestAgentChannel.MaxUnwantedFrames + 1).SelectMany(frame => frame)];
            Send(guest, flood);
            WaitForEnd(guest);
        }

        Assert.InRange(_channel.LateFrames, GuestAgentChannel.MaxUnwantedFrames, 10_000);
        using Socket again = _socket.Accept();
        Send(again, Hello(ScanContents.Both));
        WaitFor(() => _channel.Hello is not null);
    }

    [Fact]
    public void A_guest_that_sends_garbage_without_end_is_dropped()
    {
        using Socket guest = _socket.Accept();
        byte[] garbage = new byte[1 << 20];
        Assert.ThrowsAny<SocketException>(() =>
        {
            for (int i = 0; i < 10 * GuestAgentChannel.MaxSkippedBytes / garbage.Length; i++)
            {
                Send(guest, garbage);
            }
        });
    }

    [Fact]
    public void A_guest_that_does_not_read_makes_a_request_fail_and_nobody_wait()
    {
        using Socket guest = _socket.Accept();
        Send(guest, Hello(ScanContents.Both));
        WaitFor(() => _channel.Hello is not null);
        var request = new ScanRequest(1, 0, 256, ScanContents.Both);
        int sent = 0;
        while (sent < 1_000_000 && _channel.TryRequest(request))
        {
            sent++;
        }

        Assert.InRange(sent, 1, 999_999);
    }

    private static byte[] Hello(ScanContents available)
    {
        byte[] frame = new byte[GuestHello.MaxFrameBytes];
        var hello = new GuestHello { AgentVersion = "1", KernelRelease = "6", PageSize = 4096, Available = available, FreeIsOff = "" };
        return frame[..hello.WriteFrame(frame)];
    }

    private static byte[] Reads(ulong number, ulong chunk)
    {
        byte[] frame = new byte[ReadsAnswer.MaxFrameBytes];
        return frame[..ReadsAnswer.WriteFrame(frame, number, chunk, [100])];
    }

    private static byte[] EndOfReads(ulong number, uint answers)
    {
        byte[] frame = new byte[ReadsEnd.MaxFrameBytes];
        return frame[..new ReadsEnd { Number = number, Answers = answers, WhyNot = string.Empty }.WriteFrame(frame)];
    }

    private static byte[] Answer(ulong scan, ulong firstPfn, int pages)
    {
        byte[] frame = new byte[ScanAnswer.MaxFrameBytes];
        byte[] free = [.. Enumerable.Repeat((byte)0xff, ScanAnswer.BytesFor(pages))];
        return frame[..ScanAnswer.WriteFrame(frame, scan, firstPfn, pages, ScanContents.Free, free)];
    }

    private static byte[] End(ulong scan, uint slices)
    {
        byte[] frame = new byte[ScanEnd.FrameBytes];
        return frame[..new ScanEnd(scan, 0, 0, 0, 0, slices).WriteFrame(frame)];
    }

    private static void Send(Socket guest, byte[] bytes)
    {
        for (int sent = 0; sent < bytes.Length;)
        {
            sent += guest.Send(bytes, sent, bytes.Length - sent, SocketFlags.None);
        }
    }

    private static void WaitForEnd(Socket guest)
    {
        guest.ReceiveTimeout = (int)s_patience.TotalMilliseconds;
        byte[] pings = new byte[4096];
        try
        {
            while (guest.Receive(pings) > 0)
            {
            }
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
        {
            // Bytes of the flood were still unread: that is an end, too.
        }
    }

    /// <summary>The other side is a thread of its own; there is no event for "it has read this".</summary>
    private static void WaitFor(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, s_patience));
}
