// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text;
using Hikae.Protocol.Replication;
using Xunit;

namespace Hikae.Protocol.Tests.Replication;

public sealed class ReplicationJsonTests
{
    private const string HelloText =
        """{"version":1,"oldestVersion":1,"guest":"0d3b6d4e-5f0a-4c41-9a53-0f5c1ab1c0de","guestName":"web","host":"hostA","generation":7,"detectMs":500}""";

    [Fact]
    public void Records_come_back_as_they_were_written()
    {
        AssertRoundTrip(SampleRecords.Hello);
        AssertRoundTrip(new Welcome(1, "hostB", 500));
        AssertRoundTrip(new Refuse("version", "This host speaks 1, the peer 3 to 4."));
        AssertRoundTrip(new Bye("migrated"));
        AssertRoundTrip(new DryStartResult(true, null, LazyMemory: true));
        AssertRoundTrip(new DryStartResult(false, "no bridge br0: 控え \"quoted\"", LazyMemory: false));
    }

    [Fact]
    public void The_text_on_the_wire_is_that_of_the_document()
    {
        Assert.Equal(HelloText, Encoding.UTF8.GetString(ReplicationJson.Write(SampleRecords.Hello)));
        Assert.Equal("""{"ok":true,"reason":null,"lazyMemory":true}""", Encoding.UTF8.GetString(ReplicationJson.Write(new DryStartResult(true, null, true))));
    }

    [Fact]
    public void A_record_cut_at_any_byte_is_refused()
    {
        byte[] payload = ReplicationJson.Write(SampleRecords.Hello);

        Assert.All(
            Enumerable.Range(0, payload.Length),
            length => Assert.Throws<ReplicationProtocolException>(() => ReplicationJson.Read<Hello>(payload.AsSpan(0, length))));
    }

    [Fact]
    public void A_member_of_a_newer_version_is_passed_over() =>
        Assert.Equal(SampleRecords.Hello, Read<Hello>(HelloText.Replace("{", """{"compression":["zstd"],""", StringComparison.Ordinal)));

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("7")]
    [InlineData("{}")]
    [InlineData("{} {}")]
    [InlineData("""{"reason":null}""")]
    [InlineData("""{"reason":7}""")]
    [InlineData("""{"reason":"ended","reason":"crashed"}""")]
    [InlineData("""{"reason":"ended"} x""")]
    [InlineData("""{"reason":"\ud800"}""")]
    [InlineData("""{"reason":"ended","x":[[[[[[[[[]]]]]]]]]}""")]
    public void Text_that_is_not_the_record_is_refused(string text) =>
        Assert.Throws<ReplicationProtocolException>(() => Read<Bye>(text));

    [Fact]
    public void Bytes_that_are_not_UTF8_are_refused() =>
        Assert.Throws<ReplicationProtocolException>(() => ReplicationJson.Read<Bye>([.. """{"reason":"""u8, (byte)'"', 0xFF, (byte)'"', (byte)'}']));

    [Theory]
    [InlineData("\"version\":1", "\"version\":0")]
    [InlineData("\"version\":1", "\"version\":2147483648")]
    [InlineData("\"oldestVersion\":1", "\"oldestVersion\":0")]
    [InlineData("\"oldestVersion\":1", "\"oldestVersion\":2")]
    [InlineData("0d3b6d4e-", "")]
    [InlineData("\"web\"", "\"\"")]
    [InlineData("\"web\"", "null")]
    [InlineData("\"hostA\"", "\"\"")]
    [InlineData("\"generation\":7", "\"generation\":-1")]
    [InlineData("\"generation\":7", "\"generation\":9223372036854775808")]
    [InlineData("\"detectMs\":500", "\"detectMs\":0")]
    [InlineData("\"detectMs\":500", "\"detectMs\":-500")]
    [InlineData("\"detectMs\":500", "\"detectMs\":600001")]
    [InlineData("\"detectMs\":500", "\"detectMs\":0.5")]
    [InlineData(",\"detectMs\":500", "")]
    public void A_hello_with_a_member_out_of_its_range_is_refused(string member, string hostile) =>
        Assert.Throws<ReplicationProtocolException>(() => Read<Hello>(HelloText.Replace(member, hostile, StringComparison.Ordinal)));

    [Theory]
    [InlineData(0, "hostB", 500)]
    [InlineData(1, "", 500)]
    [InlineData(1, "hostB", 0)]
    [InlineData(1, "hostB", 600_001)]
    public void A_welcome_with_a_member_out_of_its_range_is_refused(int version, string host, int detectMs) =>
        Assert.Throws<ReplicationProtocolException>(() => ReplicationJson.Read<Welcome>(ReplicationJson.Write(new Welcome(version, host, detectMs))));

    [Fact]
    public void Names_of_255_characters_are_read_and_of_256_refused()
    {
        AssertRoundTrip(SampleRecords.Hello with { GuestName = new string('g', 255), Host = new string('h', 255) });

        Assert.Throws<ReplicationProtocolException>(() => AssertRoundTrip(SampleRecords.Hello with { GuestName = new string('g', 256) }));
        Assert.Throws<ReplicationProtocolException>(() => AssertRoundTrip(SampleRecords.Hello with { Host = new string('h', 256) }));
        Assert.Throws<ReplicationProtocolException>(() => AssertRoundTrip(new Welcome(1, new string('h', 256), 500)));
    }

    [Fact]
    public void A_text_at_the_limit_is_read_and_one_byte_more_is_refused()
    {
        int around = ReplicationJson.Write(new Bye("")).Length;
        byte[] longest = ReplicationJson.Write(new Bye(new string('r', ReplicationLimits.MaxJsonBytes - around)));
        Assert.Equal(ReplicationLimits.MaxJsonBytes, longest.Length);
        Assert.Equal(ReplicationLimits.MaxJsonBytes - around, ReplicationJson.Read<Bye>(longest).Reason.Length);

        Assert.Throws<ReplicationProtocolException>(() => ReplicationJson.Read<Bye>([.. longest, (byte)' ']));
        Assert.Throws<ArgumentOutOfRangeException>(() => ReplicationJson.Write(new Bye(new string('r', ReplicationLimits.MaxJsonBytes - around + 1))));
    }

    private static void AssertRoundTrip<T>(T value)
        where T : class =>
        Assert.Equal(value, ReplicationJson.Read<T>(ReplicationJson.Write(value)));

    private static T Read<T>(string text)
        where T : class =>
        ReplicationJson.Read<T>(Encoding.UTF8.GetBytes(text));
}
