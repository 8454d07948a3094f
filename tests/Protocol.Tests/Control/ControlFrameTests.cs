// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Text;
using Hikae.Protocol.Control;
using Xunit;

namespace Hikae.Protocol.Tests.Control;

public class ControlFrameTests
{
    private static readonly GuestStatus Mail = new()
    {
        Guest = "mail",
        Uuid = new Guid("7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00"),
        Role = GuestRole.Primary,
        State = GuestState.Protected,
        Reason = "backup \"hostB\" is slow – 3 s behind",
        Epoch = ulong.MaxValue,
        CommittedAgeMs = 12.5,
        Priority = 90,
        PauseMsP50 = 5.3,
        PauseMsP99 = 9.25,
        PauseMsMax = 10.5,
        CheckpointMsP50 = 6.5,
        CheckpointMsP99 = 11,
        BackupBytes = 1L << 40,
        BackupParts = new ReplicaParts(1L << 39, 1L << 33, 98304),
        GuestBytes = 1L << 42,
        Replicated = new ReplicatedTotals(600, 1L << 41, 1L << 40),
        DirtyBytesPerEpoch = 4096,
        SoftPages = new SoftPageCounts(1, 2, 3, 4),
        DiskScan = new DiskScanProgress(5, 6),
        MemoryFill = new MemoryFill(7, 8, 9),
        Peer = "hostB",
        Outputs = OutputHold.Held,
        Host = "hostA",
        UpdatedAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
        Stale = true,
    };

    public static TheoryData<ControlMessage> EveryMessage => new((ControlMessage[])[
        new Register(Mail.Uuid, "mail", GuestRole.Backup, 4711),
        new Status(Mail),
        new Status(Mail with { Reason = null, SoftPages = null, Peer = null, CommittedAgeMs = null }),
        new Goodbye(),
        new Link(),
        new Failover(),
        new Refresh(),
        new Query(),
        new FailoverGuest("mail"),
        new AskStart(new Guid("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0")),
        new FenceHost("hostA"),
        new Result(false, "no such guest")]);

    [Theory]
    [MemberData(nameof(EveryMessage))]
    public void Every_message_comes_back_as_it_was(ControlMessage message)
    {
        byte[] frame = ControlFrame.Write(message);

        Assert.True(ControlFrame.TryRead(frame, out ControlMessage read, out int consumed));
        Assert.Equal(message, read);
        Assert.Equal(frame.Length, consumed);
    }

    [Fact]
    public void A_status_without_its_optional_members_can_be_passed_on()
    {
        byte[] json = """{"type":"statuses","guests":[{"guest":"web","uuid":"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0","role":"primary","state":"protected","host":"a","updatedAt":"2026-01-01T00:00:00Z"}]}"""u8.ToArray();
        byte[] frame = [0, 0, 0, (byte)json.Length, .. json];

        Assert.True(ControlFrame.TryRead(frame, out ControlMessage message, out _));

        Assert.Equal(OutputHold.None, Assert.Single(((Statuses)message).Guests).Outputs);
        Assert.NotEmpty(ControlFrame.Write(message));
    }

    [Fact]
    public void The_steps_of_the_pause_come_back_in_order()
    {
        PauseStep[] steps = [new("stop", 1.5, 4), new("scan", 0.25, 0.5), new("cont", 1, 3)];
        byte[] frame = ControlFrame.Write(new Status(Mail with { PauseSteps = steps }));

        Assert.True(ControlFrame.TryRead(frame, out ControlMessage read, out _));
        Assert.Equal(steps, Assert.IsType<Status>(read).Guest.PauseSteps);
    }

    [Fact]
    public void Statuses_come_back_in_order()
    {
        byte[] frame = ControlFrame.Write(new Statuses([Mail, Mail with { Guest = "web" }], More: true));

        Assert.True(ControlFrame.TryRead(frame, out ControlMessage read, out _));
        Statuses statuses = Assert.IsType<Statuses>(read);
        Assert.Equal([Mail, Mail with { Guest = "web" }], statuses.Guests);
        Assert.True(statuses.More);
    }

    [Theory]
    [MemberData(nameof(EveryMessage))]
    public void A_cut_frame_is_not_yet_a_message(ControlMessage message)
    {
        byte[] frame = ControlFrame.Write(message);

        for (int length = 0; length < frame.Length; length++)
        {
            Assert.False(ControlFrame.TryRead(frame.AsSpan(0, length), out _, out int consumed));
            Assert.Equal(0, consumed);
        }
    }

    [Fact]
    public void Two_frames_in_one_buffer_are_read_one_after_the_other()
    {
        byte[] both = [.. ControlFrame.Write(new Query()), .. ControlFrame.Write(new Goodbye())];

        Assert.True(ControlFrame.TryRead(both, out ControlMessage first, out int consumed));
        Assert.True(ControlFrame.TryRead(both.AsSpan(consumed), out ControlMessage second, out _));
        Assert.IsType<Query>(first);
        Assert.IsType<Goodbye>(second);
    }

    [Fact]
    public void The_wire_names_are_those_of_the_documentation()
    {
        string json = Encoding.UTF8.GetString(ControlFrame.Write(new Status(Mail)).AsSpan(4));

        Assert.StartsWith("""{"type":"status","guest":{"guest":"mail","uuid":"7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00","role":"primary","state":"protected",""", json, StringComparison.Ordinal);
        Assert.Contains("\"outputs\":\"held\"", json, StringComparison.Ordinal);
        Assert.Contains("\"softPages\":{\"zero\":1,\"free\":2,\"cacheReported\":3,\"onDisk\":4}", json, StringComparison.Ordinal);
        Assert.Contains("\"diskScan\":{\"doneBytes\":5,\"totalBytes\":6}", json, StringComparison.Ordinal);
        Assert.Contains("\"memoryFill\":{\"doneBytes\":7,\"totalBytes\":8,\"waitedPages\":9}", json, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(ControlLimits.MaxFrameBytes + 1u)]
    [InlineData(0x80000000u)]
    [InlineData(uint.MaxValue)]
    public void A_length_outside_the_limit_is_refused_before_a_byte_of_it_arrived(uint length)
    {
        byte[] prefix = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(prefix, length);

        ControlProtocolException error = Assert.Throws<ControlProtocolException>(() => ControlFrame.TryRead(prefix, out _, out _));
        Assert.Contains(length.ToString(), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_length_at_the_limit_is_waited_for()
    {
        byte[] prefix = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(prefix, ControlLimits.MaxFrameBytes);

        Assert.False(ControlFrame.TryRead(prefix, out _, out _));
    }

    [Fact]
    public void A_reader_may_set_a_lower_limit()
    {
        byte[] frame = ControlFrame.Write(new Status(Mail));

        Assert.True(ControlFrame.TryRead(frame, out _, out _, frame.Length - 4));
        Assert.Throws<ControlProtocolException>(() => ControlFrame.TryRead(frame, out _, out _, frame.Length - 5));
    }

    [Theory]
    [InlineData("null")]
    [InlineData("17")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"type":"no such"}""")]
    [InlineData("""{"type":7}""")]
    [InlineData("""{"type":"register"}""")]
    [InlineData("""{"type":"register","uuid":"7b3e9a52","guest":"mail","role":"primary","pid":1}""")]
    [InlineData("""{"type":"register","uuid":"7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00","guest":null,"role":"primary","pid":1}""")]
    [InlineData("""{"type":"register","uuid":"7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00","guest":"mail","role":1,"pid":1}""")]
    [InlineData("""{"type":"register","uuid":"7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00","guest":"mail","role":"boss","pid":1}""")]
    [InlineData("""{"type":"register","uuid":"7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00","guest":"mail","role":"primary","pid":1e99}""")]
    [InlineData("""{"type":"status","guest":null}""")]
    [InlineData("""{"type":"statuses","guests":null}""")]
    [InlineData("""{"type":"query"}x""")]
    [InlineData("""{"type":"query","more":[[[[[[[[[[[[]]]]]]]]]]]]}""")]
    [InlineData("{\"type\":\"que")]
    public void What_no_further_byte_could_mend_is_refused_with_a_text(string json)
    {
        byte[] frame = Frame(Encoding.UTF8.GetBytes(json));

        ControlProtocolException error = Assert.Throws<ControlProtocolException>(() => ControlFrame.TryRead(frame, out _, out _));
        Assert.NotEmpty(error.Message);
    }

    [Fact]
    public void Bytes_that_are_not_UTF8_are_refused()
    {
        byte[] frame = Frame([.. "{\"type\":\"failoverGuest\",\"guest\":\""u8, 0xff, 0xfe, .. "\"}"u8]);

        Assert.Throws<ControlProtocolException>(() => ControlFrame.TryRead(frame, out _, out _));
    }

    [Theory]
    [InlineData("""{"pid":9,"guest":"mail","type":"register","role":"primary","uuid":"7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00"}""")]
    [InlineData("""{"type":"register","new":{"a":[1]},"pid":9,"guest":"mail","role":"primary","uuid":"7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00"}""")]
    public void Order_and_unknown_members_do_not_matter(string json)
    {
        Assert.True(ControlFrame.TryRead(Frame(Encoding.UTF8.GetBytes(json)), out ControlMessage read, out _));
        Assert.Equal(new Register(Mail.Uuid, "mail", GuestRole.Primary, 9), read);
    }

    [Fact]
    public void Random_bytes_never_give_anything_but_the_three_answers()
    {
        byte[] good = ControlFrame.Write(new Status(Mail));
        var random = new Random(1);
        for (int round = 0; round < 5000; round++)
        {
            byte[] bytes = [.. good];
            bytes[random.Next(4, bytes.Length)] = (byte)random.Next(256);
            Exception? error = Record.Exception(() => ControlFrame.TryRead(bytes, out _, out _));
            Assert.True(error is null or ControlProtocolException, $"{error}");
        }
    }

    private static byte[] Frame(ReadOnlySpan<byte> json)
    {
        byte[] frame = new byte[4 + json.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, json.Length);
        json.CopyTo(frame.AsSpan(4));
        return frame;
    }
}
