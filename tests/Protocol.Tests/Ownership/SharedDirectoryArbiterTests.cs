// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;
using Xunit;

namespace Hikae.Protocol.Tests.Ownership;

public class SharedDirectoryArbiterTests
{
    [Fact]
    public void A_guest_never_claimed_has_no_record_and_leaves_no_trace()
    {
        using var directory = new ArbiterDirectory();

        Assert.Null(directory.Open().Read(ArbiterDirectory.Guest));
        Assert.Empty(Directory.GetFileSystemEntries(directory.Root));
    }

    [Fact]
    public void What_one_host_claims_the_other_reads()
    {
        using var directory = new ArbiterDirectory();
        OwnershipRecord claim = ArbiterDirectory.Record(1, "hostA", "hostB");

        Assert.True(directory.Open().TryClaim(claim, out OwnershipRecord? winner));
        Assert.Equal(claim, winner);
        Assert.Equal(claim, directory.Open().Read(ArbiterDirectory.Guest));
    }

    [Fact]
    public void The_second_claimer_loses_and_learns_who_won()
    {
        using var directory = new ArbiterDirectory();
        directory.Open().TryClaim(ArbiterDirectory.Record(1, "hostA"), out _);

        Assert.False(directory.Open().TryClaim(ArbiterDirectory.Record(1, "hostB"), out OwnershipRecord? winner));
        Assert.Equal("hostA", winner?.Owner);
    }

    [Fact]
    public void Asking_twice_for_the_same_is_one_claim()
    {
        using var directory = new ArbiterDirectory();

        Assert.True(directory.Open().TryClaim(ArbiterDirectory.Record(1, "hostA"), out _));
        Assert.True(directory.Open().TryClaim(ArbiterDirectory.Record(1, "hostA"), out _));
    }

    [Fact]
    public void Guests_do_not_see_each_other()
    {
        using var directory = new ArbiterDirectory();
        directory.Open().TryClaim(ArbiterDirectory.Record(1, "hostA"), out _);

        Assert.Null(directory.Open().Read(Guid.NewGuid()));
    }

    [Fact]
    public void A_generation_that_was_swept_cannot_be_won_again()
    {
        using var directory = new ArbiterDirectory();
        for (long generation = 1; generation <= 40; generation++)
        {
            Assert.True(directory.Open().TryClaim(ArbiterDirectory.Record(generation, "hostA"), out _));
        }

        Assert.Equal(SharedDirectoryArbiter.KeptGenerations, Directory.GetFileSystemEntries(directory.Folder).Length);
        foreach (long swept in (long[])[1, 2, 24, 25, 40])
        {
            Assert.False(directory.Open().TryClaim(ArbiterDirectory.Record(swept, "hostB"), out OwnershipRecord? winner));
            Assert.Equal(40, winner?.Generation);
        }
        Assert.Equal("hostA", directory.Open().Read(ArbiterDirectory.Guest)?.Owner);
    }

    [Fact]
    public void A_directory_without_the_generation_read_before_is_not_believed()
    {
        using var directory = new ArbiterDirectory();

        ArbiterUnavailableException error = Assert.Throws<ArbiterUnavailableException>(
            () => directory.Open().TryClaim(ArbiterDirectory.Record(7, "hostA"), out _));
        Assert.Contains("mounted", error.Message, StringComparison.Ordinal);
        Assert.Null(directory.Open().Read(ArbiterDirectory.Guest));
    }

    [Fact]
    public void An_absent_directory_is_unavailable_and_is_not_made()
    {
        using var directory = new ArbiterDirectory();
        var arbiter = new SharedDirectoryArbiter(Path.Combine(directory.Root, "not-mounted"));

        Assert.Throws<ArbiterUnavailableException>(() => arbiter.Read(ArbiterDirectory.Guest));
        Assert.Throws<ArbiterUnavailableException>(() => arbiter.TryClaim(ArbiterDirectory.Record(1, "hostA"), out _));
        Assert.Empty(Directory.GetFileSystemEntries(directory.Root));
    }

    [Fact]
    public void A_directory_that_lets_nothing_be_created_is_unavailable()
    {
        // procfs refuses new names to everyone, root included, who may write anywhere else.
        var arbiter = new SharedDirectoryArbiter("/proc/self");

        Assert.Throws<ArbiterUnavailableException>(() => arbiter.Read(ArbiterDirectory.Guest));
        Assert.Throws<ArbiterUnavailableException>(() => arbiter.TryClaim(ArbiterDirectory.Record(1, "hostA"), out _));
    }

    [Theory]
    [InlineData(".probe-left-behind")]
    [InlineData("2.tmp")]
    [InlineData("2")]
    [InlineData("000000000000000000x")]
    [InlineData("-000000000000000002")]
    [InlineData("0000000000000000000")]
    public void Names_that_are_no_generation_are_ignored(string name)
    {
        using var directory = new ArbiterDirectory();
        directory.Open().TryClaim(ArbiterDirectory.Record(1, "hostA"), out _);
        File.WriteAllText(Path.Combine(directory.Folder, name), "hikae1 torn");

        Assert.Equal(1, directory.Open().Read(ArbiterDirectory.Guest)?.Generation);
        Assert.True(directory.Open().TryClaim(ArbiterDirectory.Record(2, "hostA"), out _));
    }

    [Fact]
    public void A_damaged_newest_record_is_never_replaced_by_an_older_one()
    {
        using var directory = new ArbiterDirectory();
        directory.Open().TryClaim(ArbiterDirectory.Record(1, "hostA"), out _);
        File.CreateSymbolicLink(directory.PathOf(2), "hikae1 0000000000000000 {}");

        Assert.Throws<ArbiterUnavailableException>(() => directory.Open().Read(ArbiterDirectory.Guest));
        Assert.Throws<ArbiterUnavailableException>(() => directory.Open().TryClaim(ArbiterDirectory.Record(2, "hostA"), out _));
    }

    [Fact]
    public void A_file_in_the_place_of_a_record_wins_nothing_and_loses_nothing()
    {
        using var directory = new ArbiterDirectory();
        directory.Open().TryClaim(ArbiterDirectory.Record(1, "hostA"), out _);
        File.WriteAllText(directory.PathOf(2), "torn");

        Assert.Throws<ArbiterUnavailableException>(() => directory.Open().Read(ArbiterDirectory.Guest));
        Assert.Throws<ArbiterUnavailableException>(() => directory.Open().TryClaim(ArbiterDirectory.Record(2, "hostA"), out _));
    }

    [Fact]
    public void A_record_copied_from_another_guest_is_refused()
    {
        using var directory = new ArbiterDirectory();
        OwnershipRecord foreign = ArbiterDirectory.Record(1, "hostA") with { Guest = Guid.NewGuid() };
        Directory.CreateDirectory(directory.Folder);
        File.CreateSymbolicLink(directory.PathOf(1), OwnershipText.Write(foreign));

        Assert.Throws<ArbiterUnavailableException>(() => directory.Open().Read(ArbiterDirectory.Guest));
    }

    [Fact]
    public void A_claim_that_could_not_be_made_durable_is_not_reported_as_won()
    {
        using var directory = new ArbiterDirectory();
        var arbiter = new SharedDirectoryArbiter(directory.Root, _ => throw new IOException("no power"));

        Assert.Throws<ArbiterUnavailableException>(() => arbiter.TryClaim(ArbiterDirectory.Record(1, "hostA"), out _));
    }

    [Fact]
    public void The_longest_names_fit()
    {
        using var directory = new ArbiterDirectory();
        OwnershipRecord longest = ArbiterDirectory.Record(1, new string('a', 253), new string('b', 253));

        Assert.True(directory.Open().TryClaim(longest, out _));
        Assert.Equal(longest, directory.Open().Read(ArbiterDirectory.Guest));
    }
}
