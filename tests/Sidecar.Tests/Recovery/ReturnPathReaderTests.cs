// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Recovery.Stream;
using Xunit;

namespace Hikae.Sidecar.Tests.Recovery;

public sealed class ReturnPathReaderTests
{
    // REQ_PAGES_ID for 4096 bytes at 0x2000 of "pc.ram", REQ_PAGES for 8192 at 0x5000, SHUT 0.
    private static readonly byte[] Conversation = Convert.FromHexString(
        "0003" + "0013" + "0000000000002000" + "00001000" + "06" + "70632e72616d" +
        "0004" + "000c" + "0000000000005000" + "00002000" +
        "0001" + "0004" + "00000000");

    [Fact]
    public void A_conversation_is_read_whole_wherever_it_is_cut()
    {
        for (int cut = 0; cut <= Conversation.Length; cut++)
        {
            List<ReturnPathMessage> messages = [];
            int consumed = ReadInto(messages, Conversation.AsSpan(0, cut));
            ReadInto(messages, Conversation.AsSpan(consumed));

            Assert.Equal(
                [
                    new ReturnPathMessage(QemuMigration.MIG_RP_MSG_REQ_PAGES_ID, 4096, 0x2000, "pc.ram"),
                    new ReturnPathMessage(QemuMigration.MIG_RP_MSG_REQ_PAGES, 8192, 0x5000, null),
                    new ReturnPathMessage(QemuMigration.MIG_RP_MSG_SHUT, 0, 0, null),
                ],
                messages);
        }
    }

    [Theory]
    [InlineData("0000" + "0000")] // no such type
    [InlineData("0008" + "0004")]
    [InlineData("ffff" + "ffff")]
    [InlineData("0001" + "0003")] // SHUT too short
    [InlineData("0001" + "0005")] // and too long
    [InlineData("0004" + "000b")]
    [InlineData("0004" + "000d")]
    [InlineData("0003" + "000d")] // a request without a block name
    [InlineData("0003" + "010d")] // a name of 256 bytes
    [InlineData("0005" + "0008")] // a bitmap nobody asked for
    public void A_length_that_cannot_be_right_is_refused_before_the_payload_comes(string hex) =>
        Assert.Throws<MigrationStreamException>(() => ReadInto([], Convert.FromHexString(hex)));

    [Fact]
    public void The_longest_name_is_accepted()
    {
        byte[] message = [.. Convert.FromHexString("0003" + "010c" + "0000000000000000" + "00001000" + "ff"), .. Enumerable.Repeat((byte)'a', 255)];
        List<ReturnPathMessage> messages = [];

        Assert.Equal(ReturnPathReader.MaxMessageBytes, ReadInto(messages, message));
        Assert.Equal(new string('a', 255), Assert.Single(messages).Block);
    }

    [Fact]
    public void A_name_length_that_contradicts_the_message_is_refused()
    {
        byte[] message = Convert.FromHexString("0003" + "0013" + "0000000000002000" + "00001000" + "05" + "70632e72616d");

        Assert.Throws<MigrationStreamException>(() => ReadInto([], message));
    }

    private static int ReadInto(List<ReturnPathMessage> messages, ReadOnlySpan<byte> bytes)
    {
        ReturnPathReader reader = new(bytes);
        while (reader.TryRead(out ReturnPathMessage message))
        {
            messages.Add(message);
        }
        return reader.Consumed;
    }
}
