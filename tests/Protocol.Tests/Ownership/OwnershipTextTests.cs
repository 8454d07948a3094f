// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;
using Xunit;

namespace Hikae.Protocol.Tests.Ownership;

public class OwnershipTextTests
{
    private static readonly OwnershipRecord Whole = ArbiterDirectory.Record(42, "hostA", "hostB") with { Ended = true };

    [Fact]
    public void A_record_comes_back_as_it_was()
    {
        Assert.True(OwnershipText.TryRead(OwnershipText.Write(Whole), out OwnershipRecord read, out _));
        Assert.Equal(Whole, read);
    }

    [Fact]
    public void A_record_cut_anywhere_is_refused()
    {
        string text = OwnershipText.Write(Whole);

        for (int length = 0; length < text.Length; length++)
        {
            Assert.False(OwnershipText.TryRead(text[..length], out _, out string? reason));
            Assert.NotNull(reason);
        }
    }

    [Fact]
    public void A_record_with_one_character_changed_is_refused()
    {
        string text = OwnershipText.Write(Whole);

        for (int index = 0; index < text.Length; index++)
        {
            char[] changed = text.ToCharArray();
            changed[index] ^= (char)1;
            Assert.False(OwnershipText.TryRead(new string(changed), out _, out _));
        }
    }

    [Theory]
    [InlineData(0, "hostA", null, 5000)]
    [InlineData(-1, "hostA", null, 5000)]
    [InlineData(1, "", null, 5000)]
    [InlineData(1, "hostA", "", 5000)]
    [InlineData(1, "hostA", null, 0)]
    public void A_record_without_sense_is_not_written(long generation, string owner, string? protectedBy, int leaseMs)
    {
        var record = new OwnershipRecord(Guid.Empty, generation, owner, protectedBy, leaseMs);

        Assert.Throws<ArgumentException>(() => OwnershipText.Write(record));
    }

    [Fact]
    public void A_name_longer_than_DNS_allows_is_not_written() =>
        Assert.Throws<ArgumentException>(() => OwnershipText.Write(ArbiterDirectory.Record(1, new string('a', 254))));
}
