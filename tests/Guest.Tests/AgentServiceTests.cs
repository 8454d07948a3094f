// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Guest.Pages;
using Hikae.Guest.Tests.Pages;
using Hikae.Protocol.Guest;
using Xunit;

namespace Hikae.Guest.Tests;

public sealed class AgentServiceTests : IDisposable
{
    private readonly FakeGuest _guest = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly StringWriter _log = new();
    private readonly List<ulong> _failovers = [];
    private readonly ScriptedReads _reads = new();

    public AgentServiceTests() => _guest.WriteFlags([KernelPageFlags.KPF_BUDDY, KernelPageFlags.KPF_LRU, 0]);

    public void Dispose()
    {
        _guest.Dispose();
        _stop.Dispose();
        _log.Dispose();
    }

    [Fact]
    public void A_ping_cut_at_any_byte_is_answered_with_one_hello()
    {
        byte[] ping = Ping();
        for (int cut = 1; cut < ping.Length; cut++)
        {
            using var stop = new CancellationTokenSource();
            using var port = new ScriptedPort(new([ping[..cut], ping[cut..]]), stop);
            Service(() => port).Run(stop.Token);
            Assert.Equal([GuestFrameType.Hello], Types(port));
        }
    }

    [Fact]
    public void Of_requests_that_piled_up_only_the_newest_is_answered()
    {
        using var port = new ScriptedPort(new([[.. Request(1), .. Request(2), .. Request(3)]]), _stop);
        Service(() => port).Run(_stop.Token);

        var reader = new GuestFrameReader(port.Written.ToArray());
        Assert.True(reader.TryRead(out GuestFrame first));
        Assert.True(ScanAnswer.TryParse(first.Payload, out ScanAnswer answer));
        Assert.Equal(3UL, answer.ScanNumber);
        Assert.True(answer.TryDecode(new byte[GuestProtocol.MaxSliceBytes], out ReadOnlySpan<byte> free, out ReadOnlySpan<byte> cache));
        Assert.Equal(1, free[0]);
        Assert.Equal(2, cache[0]);
        Assert.True(reader.TryRead(out GuestFrame second));
        Assert.True(ScanEnd.TryParse(second.Payload, out ScanEnd end));
        Assert.Equal((3UL, 3UL, 1UL, 1UL, 1U), (end.ScanNumber, end.ScannedPages, end.FreePages, end.CachePages, end.Slices));
        Assert.False(reader.TryRead(out _));
    }

    [Theory]
    [InlineData(ScanContents.Cache, 1)]
    [InlineData(ScanContents.None, 0)]
    public void What_the_agent_cannot_report_it_does_not_send(ScanContents available, uint slices)
    {
        using var port = new ScriptedPort(new([Request(1)]), _stop);
        Service(() => port, available).Run(_stop.Token);

        var reader = new GuestFrameReader(port.Written.ToArray());
        Assert.True(reader.TryRead(out GuestFrame frame));
        if (slices == 1)
        {
            Assert.True(ScanAnswer.TryParse(frame.Payload, out ScanAnswer answer));
            Assert.Equal(ScanContents.Cache, answer.Contents);
            Assert.True(reader.TryRead(out frame));
        }

        Assert.True(ScanEnd.TryParse(frame.Payload, out ScanEnd end));
        Assert.Equal(slices, end.Slices);
    }

    [Fact]
    public void Of_questions_about_reads_that_piled_up_the_newest_is_answered_stretch_by_stretch()
    {
        _reads.Stretches.AddRange([(7, [1, 0, 255]), (100_000, [3])]);
        using var port = new ScriptedPort(new([[.. Reads(1), .. Request(9), .. Reads(2)]]), _stop);
        Service(() => port).Run(_stop.Token);

        Assert.Equal([GuestFrameType.ScanAnswer, GuestFrameType.ScanEnd, GuestFrameType.ReadsAnswer, GuestFrameType.ReadsAnswer, GuestFrameType.ReadsEnd], Types(port));
        Assert.Equal([TimeSpan.FromMilliseconds(500)], _reads.Watched);
        var reader = new GuestFrameReader(port.Written.ToArray());
        Assert.True(reader.TryRead(out _) && reader.TryRead(out _));
        Assert.True(reader.TryRead(out GuestFrame frame));
        Assert.True(ReadsAnswer.TryParse(frame.Payload, out ReadsAnswer answer));
        Assert.Equal((2UL, 7UL), (answer.Number, answer.FirstChunk));
        Assert.Equal([1, 0, 255], answer.Chunks.ToArray());
        Assert.True(reader.TryRead(out _) && reader.TryRead(out frame));
        Assert.True(ReadsEnd.TryParse(frame.Payload, out ReadsEnd? end));
        Assert.Equivalent(new ReadsEnd { Number = 2, Answers = 2, WhyNot = "" }, end);
    }

    [Fact]
    public void A_kernel_that_does_not_tell_reads_is_told_to_the_host_with_the_reason()
    {
        _reads.WhyNot = "the kernel has no kprobes";
        using var port = new ScriptedPort(new([Reads(1)]), _stop);
        Service(() => port).Run(_stop.Token);

        var reader = new GuestFrameReader(port.Written.ToArray());
        Assert.True(reader.TryRead(out GuestFrame frame));
        Assert.True(ReadsEnd.TryParse(frame.Payload, out ReadsEnd? end));
        Assert.Equivalent(new ReadsEnd { Number = 1, Answers = 0, WhyNot = _reads.WhyNot }, end);
    }

    [Fact]
    public void A_host_end_that_was_closed_leaves_no_half_frame_behind_and_the_port_open()
    {
        int opened = 0;
        using var port = new ScriptedPort(new([Request(1)[..20], [], Ping()]), _stop);
        Service(() => ++opened == 1 ? port : throw new IOException("opened twice")).Run(_stop.Token);
        Assert.Equal([GuestFrameType.Hello], Types(port));
        Assert.Equal(1, opened);
    }

    [Fact]
    public void A_port_that_breaks_is_opened_anew()
    {
        using var broken = new ScriptedPort(new([Ping()[..5], null]), _stop);
        using var plugged = new ScriptedPort(new([Ping()]), _stop);
        var ports = new Queue<ScriptedPort?>([null, broken, null, plugged]);
        Service(ports.Dequeue).Run(_stop.Token);

        Assert.True(broken.IsDisposed);
        Assert.Equal([GuestFrameType.Hello], Types(plugged));
        Assert.Contains("unplugged", _log.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Each_failover_is_acted_on_once()
    {
        using var port = new ScriptedPort(new([FailedOverFrame(1), FailedOverFrame(1), FailedOverFrame(2)]), _stop);
        Service(() => port).Run(_stop.Token);
        Assert.Equal([1UL, 2UL], _failovers);
    }

    [Fact]
    public void A_buffer_full_of_a_frame_too_long_for_us_is_dropped()
    {
        byte[] huge = new byte[4096];
        GuestFrameWriter.Seal(huge, GuestFrameType.Ping, huge.Length - GuestProtocol.HeaderBytes);
        byte[] longer = new byte[8192];
        GuestFrameWriter.Seal(longer, GuestFrameType.Ping, longer.Length - GuestProtocol.HeaderBytes);
        using var port = new ScriptedPort(new([longer[..4096], Ping()]), _stop);
        Service(() => port).Run(_stop.Token);
        Assert.Equal([GuestFrameType.Hello], Types(port));
    }

    [Fact]
    public void The_port_is_found_by_its_link_and_without_udev_by_its_name_in_sysfs()
    {
        Assert.Null(VirtioPort.Find(_guest.Files));
        _guest.Write("sys/class/virtio-ports/vport1p1/name", "org.qemu.guest_agent.0\n");
        Assert.Null(VirtioPort.Find(_guest.Files));
        _guest.Write("sys/class/virtio-ports/vport1p2/name", "org.hikae.guest.0\n");
        Assert.Equal(Path.Combine(_guest.Files.Devices, "vport1p2"), VirtioPort.Find(_guest.Files));
        _guest.Write("dev/virtio-ports/org.hikae.guest.0", "");
        Assert.Equal(Path.Combine(_guest.Files.PortLinks, "org.hikae.guest.0"), VirtioPort.Find(_guest.Files));
    }

    [Fact]
    public void A_device_that_cannot_seek_is_read_and_written()
    {
        // A FIFO open for both is as much of a character device as a test can have without a guest.
        Directory.CreateDirectory(_guest.Files.PortLinks);
        using Process fifo = Process.Start("mkfifo", Path.Combine(_guest.Files.PortLinks, GuestProtocol.PortName));
        fifo.WaitForExit();
        using VirtioPort port = VirtioPort.TryOpen(_guest.Files)!;
        port.Write([1, 2, 3]);
        byte[] buffer = new byte[8];
        Assert.Equal(3, port.Read(buffer));
        Assert.Equal([1, 2, 3], buffer[..3]);
    }

    private static byte[] Ping()
    {
        byte[] frame = new byte[GuestProtocol.HeaderBytes];
        GuestFrameWriter.WritePing(frame);
        return frame;
    }

    private static byte[] Request(ulong number)
    {
        byte[] frame = new byte[ScanRequest.FrameBytes];
        new ScanRequest(number, 0, 3, ScanContents.Both).WriteFrame(frame);
        return frame;
    }

    private static byte[] Reads(ulong number)
    {
        byte[] frame = new byte[ReadsRequest.FrameBytes];
        new ReadsRequest(number, 500).WriteFrame(frame);
        return frame;
    }

    private static byte[] FailedOverFrame(ulong generation)
    {
        byte[] frame = new byte[FailedOver.FrameBytes];
        new FailedOver(generation).WriteFrame(frame);
        return frame;
    }

    private static List<GuestFrameType> Types(ScriptedPort port)
    {
        var reader = new GuestFrameReader(port.Written.ToArray());
        var types = new List<GuestFrameType>();
        while (reader.TryRead(out GuestFrame frame))
        {
            types.Add(frame.Type);
        }

        return types;
    }

    private AgentService Service(Func<IHostPort?> open, ScanContents available = ScanContents.Both)
    {
        var hello = new GuestHello { AgentVersion = "1", KernelRelease = "6", PageSize = 4096, Available = available, FreeIsOff = "" };
        return new AgentService(open, new PageScan(_guest.Files), _reads, hello, notice => _failovers.Add(notice.Generation), _log);
    }
}
