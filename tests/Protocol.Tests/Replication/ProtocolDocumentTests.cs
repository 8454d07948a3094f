// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Harness;
using Hikae.Protocol.Guest;
using Hikae.Protocol.Replication;
using Xunit;

namespace Hikae.Protocol.Tests.Replication;

/// <summary>docs/protocol.md is what other implementations would be written from: it must name every type and limit.</summary>
public sealed class ProtocolDocumentTests
{
    private static readonly NumberFormatInfo s_spaced = new() { NumberGroupSeparator = " ", NumberDecimalDigits = 0 };

    private readonly string _document = Repository.Read("docs", "protocol.md");

    public static TheoryData<RecordType> RecordTypes => [.. Enum.GetValues<RecordType>().Where(type => type != RecordType.Invalid)];

    public static TheoryData<GuestFrameType> GuestFrameTypes => [.. Enum.GetValues<GuestFrameType>().Where(type => type != GuestFrameType.Invalid)];

    [Theory]
    [MemberData(nameof(RecordTypes))]
    public void A_record_type_has_a_row_with_its_number_and_limit(RecordType type) =>
        Assert.Matches(
            $@"\| {(uint)type} \| {type} \| [^\n]* \| {ReplicationLimits.MaxPayloadBytesOf(type).ToString("N", s_spaced)} \|",
            _document);

    [Theory]
    [MemberData(nameof(GuestFrameTypes))]
    public void A_guest_frame_type_has_a_row_with_its_number(GuestFrameType type) =>
        Assert.Contains($"| {(ushort)type} | {type} |", _document, StringComparison.Ordinal);

    [Theory]
    [InlineData("payload of any record, and of one that the reader does not know", ReplicationLimits.MaxPayloadBytes, "bytes")]
    [InlineData("runs in a SoftPages record", ReplicationLimits.MaxRunsPerRecord, "")]
    [InlineData("pages in a DiskPages record", ReplicationLimits.MaxDiskPagesPerRecord, "")]
    [InlineData("delta of a page", ReplicationLimits.MaxDeltaBytes, "bytes")]
    [InlineData("pages in a HardPages or DeltaPages record", ReplicationLimits.MaxPagesPerRecord, "")]
    [InlineData("RAM block name", ReplicationLimits.MaxBlockNameBytes, "bytes")]
    [InlineData("all RAM blocks of a guest together", (int)(ReplicationLimits.MaxGuestBytes >> 40), "TiB")]
    [InlineData("device state of one epoch", ReplicationLimits.MaxDeviceStateBytes, "bytes")]
    [InlineData("JSON text", ReplicationLimits.MaxJsonBytes, "bytes")]
    [InlineData("domain XML", ReplicationLimits.MaxDomainXmlBytes, "bytes")]
    [InlineData("host and guest names", ReplicationLimits.MaxNameLength, "characters")]
    [InlineData("detection time", ReplicationLimits.MaxDetectMs, "ms")]
    [InlineData("disks of a guest whose writes travel", ReplicationLimits.MaxDisks, "")]
    [InlineData("image path", ReplicationLimits.MaxPathLength, "characters")]
    [InlineData("DiskWrites payload", ReplicationLimits.MaxDiskWritesBytes, "bytes")]
    public void A_limit_has_a_row_with_its_value(string limit, int value, string unit) =>
        Assert.Contains($"| {limit} | {value.ToString("N", s_spaced)} {unit}".TrimEnd() + " |", _document, StringComparison.Ordinal);

    [Fact]
    public void The_versions_are_those_of_the_headings()
    {
        Assert.Contains($"# Part 1: replication protocol, version {ReplicationVersion.Current}\n", _document, StringComparison.Ordinal);
        Assert.Contains($"# Part 2: guest protocol, version {GuestProtocol.Version}\n", _document, StringComparison.Ordinal);
    }
}
