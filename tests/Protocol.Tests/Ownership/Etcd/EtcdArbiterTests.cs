// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness;
using Hikae.Protocol.Ownership;
using Hikae.Protocol.Ownership.Etcd;
using Xunit;

namespace Hikae.Protocol.Tests.Ownership.Etcd;

/// <summary>Against Debian's etcd.</summary>
public sealed class EtcdArbiterTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Impatience = TimeSpan.FromMilliseconds(300);
    private static readonly Guid Guest = new("7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00");

    private readonly EtcdServer _server = new();
    private readonly List<EtcdArbiter> _arbiters = [];

    public void Dispose()
    {
        _arbiters.ForEach(arbiter => arbiter.Dispose());
        _server.Dispose();
    }

    [Fact]
    public void A_claim_is_read_by_everybody_and_asked_for_twice_it_is_won_twice()
    {
        EtcdArbiter one = Open();
        Assert.Null(one.Read(Guest));

        Assert.True(one.TryClaim(Record(1, "hostA"), out OwnershipRecord? winner));
        Assert.Equal(Record(1, "hostA"), winner);
        Assert.Equal(Record(1, "hostA"), Open().Read(Guest));
        Assert.True(Open().TryClaim(Record(1, "hostA"), out _));

        Assert.False(Open().TryClaim(Record(1, "hostB"), out winner));
        Assert.Equal(Record(1, "hostA"), winner);
    }

    [Fact]
    public void A_claim_that_was_overtaken_is_lost_to_the_newest_record()
    {
        EtcdArbiter arbiter = Open();
        arbiter.TryClaim(Record(1, "hostA"), out _);
        arbiter.TryClaim(Record(2, "hostB"), out _);

        Assert.False(arbiter.TryClaim(Record(1, "hostA"), out OwnershipRecord? winner));
        Assert.Equal(Record(2, "hostB"), winner);
    }

    [Fact]
    public void A_generation_after_one_that_is_not_there_is_neither_won_nor_lost()
    {
        EtcdArbiter arbiter = Open();

        Assert.Throws<ArbiterUnavailableException>(() => arbiter.TryClaim(Record(2, "hostA"), out _));
        arbiter.TryClaim(Record(1, "hostA"), out _);
        Assert.Throws<ArbiterUnavailableException>(() => arbiter.TryClaim(Record(3, "hostA"), out _));
        Assert.Equal(1, arbiter.Read(Guest)!.Generation);
    }

    [Fact]
    public void Two_claimers_race_and_each_of_thousands_of_generations_has_one_winner()
    {
        const long last = 2000;
        var won = new List<long>[2];
        Parallel.For(0, won.Length, index => won[index] = [.. ClaimerProcess.ClaimAll(Open(), $"host{index}", last)]);

        long[] generations = [.. won.SelectMany(each => each).Order()];
        Assert.Equal(generations.Distinct(), generations);
        Assert.Equal(last, generations[^1]);
        Assert.True(generations.Length > last * 9 / 10, $"{generations.Length} of {last} generations had a winner");
    }

    [Fact]
    public void All_who_race_for_one_generation_agree_on_the_winner()
    {
        EtcdArbiter[] claimers = [.. Enumerable.Range(0, 4).Select(_ => Open())];
        for (long generation = 1; generation <= 50; generation++)
        {
            var winners = new OwnershipRecord?[claimers.Length];
            int wins = 0;
            Parallel.For(0, claimers.Length, index =>
            {
                if (claimers[index].TryClaim(Record(generation, $"host{index}"), out winners[index]))
                {
                    Interlocked.Increment(ref wins);
                }
            });

            Assert.Equal(1, wins);
            Assert.Single(winners.Distinct());
        }
    }

    [Fact]
    public void A_server_that_died_between_two_claims_has_forgotten_nothing()
    {
        EtcdArbiter arbiter = Open();
        EtcdArbiter impatient = Open(Impatience);
        arbiter.TryClaim(Record(1, "hostA"), out _);

        _server.Kill();
        Assert.Throws<ArbiterUnavailableException>(() => impatient.Read(Guest));
        Assert.Throws<ArbiterUnavailableException>(() => impatient.TryClaim(Record(2, "hostB"), out _));
        _server.Restart();

        Assert.Equal(Record(1, "hostA"), arbiter.Read(Guest));
        Assert.True(arbiter.TryClaim(Record(2, "hostB"), out _));
    }

    [Fact]
    public void A_paused_server_is_given_up_and_what_it_was_asked_for_is_won_at_most_once()
    {
        EtcdArbiter arbiter = Open();
        EtcdArbiter impatient = Open(Impatience);
        arbiter.TryClaim(Record(1, "hostA"), out _);
        impatient.Read(Guest);

        _server.Signal("STOP");
        Assert.Throws<ArbiterUnavailableException>(() => impatient.Read(Guest));
        Assert.Throws<ArbiterUnavailableException>(() => impatient.TryClaim(Record(2, "hostA"), out _));
        _server.Signal("CONT");

        bool first = arbiter.TryClaim(Record(2, "hostA"), out _);
        bool second = Open().TryClaim(Record(2, "hostB"), out OwnershipRecord? winner);
        Assert.True(first);
        Assert.False(second);
        Assert.Equal(Record(2, "hostA"), winner);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("hikae1 0000000000000000 {}")]
    public void Wrong_data_in_the_key_decide_nothing(string value)
    {
        _server.Put($"/hikae/{Guest:D}", value);

        Assert.Throws<ArbiterUnavailableException>(() => Open().Read(Guest));
        Assert.Throws<ArbiterUnavailableException>(() => Open().TryClaim(Record(1, "hostA"), out _));
    }

    [Fact]
    public void The_record_of_another_guest_is_wrong_data()
    {
        _server.Put($"/hikae/{Guest:D}", OwnershipText.Write(Record(1, "hostA") with { Guest = Guid.NewGuid() }));

        Assert.Throws<ArbiterUnavailableException>(() => Open().Read(Guest));
    }

    [Fact]
    public void A_record_that_was_deleted_is_not_taken_for_a_fresh_start_by_who_knew_it()
    {
        EtcdArbiter arbiter = Open();
        arbiter.TryClaim(Record(1, "hostA"), out _);
        _server.Delete($"/hikae/{Guest:D}");

        Assert.Null(arbiter.Read(Guest));
        Assert.Throws<ArbiterUnavailableException>(() => arbiter.TryClaim(Record(2, "hostA"), out _));
    }

    [Fact]
    public void Of_several_members_one_that_answers_is_enough()
    {
        var nobody = new Uri("http://127.0.0.1:1");
        var arbiter = new EtcdArbiter(new EtcdGateway([nobody, _server.Endpoint], Patience), "/hikae/");
        _arbiters.Add(arbiter);

        Assert.True(arbiter.TryClaim(Record(1, "hostA"), out _));
        Assert.Equal(Record(1, "hostA"), arbiter.Read(Guest));
    }

    [Fact]
    public void Prefixes_keep_two_clusters_of_hosts_apart()
    {
        Open().TryClaim(Record(1, "hostA"), out _);
        var other = new EtcdArbiter(new EtcdGateway([_server.Endpoint], Patience), "/other/");
        _arbiters.Add(other);

        Assert.Null(other.Read(Guest));
    }

    private static OwnershipRecord Record(long generation, string owner) => new(Guest, generation, owner, null, 5000);

    private EtcdArbiter Open(TimeSpan? limit = null)
    {
        var arbiter = new EtcdArbiter(new EtcdGateway([_server.Endpoint], limit ?? Patience), "/hikae/");
        lock (_arbiters)
        {
            _arbiters.Add(arbiter);
        }
        return arbiter;
    }
}
