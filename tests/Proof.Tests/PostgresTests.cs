// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Hikae.Harness.Postgres;
using Xunit;

namespace Hikae.Proof.Tests;

/// <summary>A database that knows nothing of Hikae, used by a program that knows nothing of Hikae.</summary>
public sealed class PostgresTests(ProofLab lab) : LabTest(lab)
{
    private static readonly LabGuestOptions Database = new() { Debian = true, With = "postgresql", App = "idle", MemoryMiB = 512, Nic = true };

    [Fact]
    public void No_transaction_that_was_committed_before_or_during_a_failover_is_lost_and_no_connection_breaks()
    {
        LabGuest guest = Lab.StartGuest("postgres", Database);
        Lab.Until("PostgreSQL answers", () => PgBench.Answers(guest));
        // Not before: a guest that boots writes all the time, and each of its flushes waits for a checkpoint.
        HostA.Hikae("enable", guest.Name, "--backup", "hostB");
        guest.WaitForProtected(HostA);
        using var bench = new PgBench(guest, clients: 3, transactions: 400);
        Lab.Until("there are commits", () => Committed(guest).Count > 50);

        Assert.False(bench.HasEnded);
        HostA.Kill();

        CommandResult result = bench.WaitForEnd();
        Assert.True(result.Succeeded, $"{result}");
        Assert.DoesNotContain("aborted", result.Errors, StringComparison.Ordinal);
        guest.WaitForDomainState(HostB, "running");
        Assert.Equal(bench.Acknowledged().Order(StringComparer.Ordinal), Committed(guest).Order(StringComparer.Ordinal));
        PgBench.Psql(guest, "CREATE EXTENSION amcheck");
        PgBench.Psql(guest, "SELECT bt_index_check('committed_pkey', heapallindexed => true)");
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{bench.Acknowledged().Count} transactions, the longest silence was {bench.LongestSilence().TotalSeconds:0.0} s\n{result.Output}");
    }

    private static IReadOnlyList<string> Committed(LabGuest guest) => PgBench.Psql(guest, "SELECT client, n FROM committed");
}
