// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Hikae.Protocol.Control;
using Xunit;

namespace Hikae.Tools.Tests;

public sealed class StatusCommandTests : CommandLineTest
{
    private static readonly GuestStatus Web = new()
    {
        Guest = "web",
        Uuid = Guid.Parse("0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"),
        Role = GuestRole.Primary,
        State = GuestState.Protected,
        Epoch = 1234,
        CommittedAgeMs = 87.4,
        PauseMsP50 = 5.31,
        PauseMsMax = 10.52,
        BackupBytes = 88_080_384,
        GuestBytes = 4L << 30,
        Peer = "hostB",
        Host = "hostA",
        UpdatedAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
    };

    private static readonly GuestStatus Database = Web with
    {
        Guest = "[db]",
        Uuid = Guid.Parse("11111111-2222-3333-4444-555555555555"),
        State = GuestState.Unprotected,
        Reason = "hostB does not answer\u001b[31m",
        Epoch = 0,
        CommittedAgeMs = null,
        PauseMsMax = 0,
        GuestBytes = 0,
    };

    [Fact]
    public void Each_guest_is_one_line()
    {
        using var daemon = new HikaedWithAnswers(Surroundings.ControlSocket, new Statuses([Database, Web], More: true), new Statuses([Web with { Stale = true }]));

        Assert.Equal(0, Run("status"));

        const string Golden = """
            GUEST  ROLE     STATE        EPOCH  AGE      PAUSE                 MEMORY             REASON
            [db]   primary  unprotected  -      -        -                     -                  hostB does not answer [31m
            web    primary  protected    1234   87.4 ms  5.3 ms (max 10.5 ms)  84.0 MiB of 4.0 GiB
            web    primary  unknown      1234   87.4 ms  5.3 ms (max 10.5 ms)  84.0 MiB of 4.0 GiB  its sidecar is silent; it was protected at 2026-01-02 03:04:05 UTC
            """;
        Assert.Equal(Words(Golden), Words(Output.ToString()));
    }

    [Fact]
    public void What_is_under_way_says_how_far_it_is()
    {
        GuestStatus recovering = Web with { Role = GuestRole.Backup, State = GuestState.Recovering, Reason = "hostA is lost" };
        GuestStatus synchronising = Web with { State = GuestState.Synchronising };
        using var daemon = new HikaedWithAnswers(Surroundings.ControlSocket, new Statuses([
            recovering with { MemoryFill = new MemoryFill(1, 4, 0) },
            recovering with { MemoryFill = new MemoryFill(4, 4, 0) },
            synchronising with { DiskScan = new DiskScanProgress(1, 4) },
            synchronising with { DiskScan = new DiskScanProgress(4, 4) },
        ]));

        Assert.Equal(0, Run("status"));

        const string Golden = """
            GUEST  ROLE     STATE          EPOCH  AGE      PAUSE                 MEMORY               REASON
            web    backup   recovering     1234   87.4 ms  5.3 ms (max 10.5 ms)  84.0 MiB of 4.0 GiB  hostA is lost (25 %)
            web    backup   recovering     1234   87.4 ms  5.3 ms (max 10.5 ms)  84.0 MiB of 4.0 GiB  hostA is lost
            web    primary  synchronising  1234   87.4 ms  5.3 ms (max 10.5 ms)  84.0 MiB of 4.0 GiB  its disks are looked through, 25 %
            web    primary  synchronising  1234   87.4 ms  5.3 ms (max 10.5 ms)  84.0 MiB of 4.0 GiB
            """;
        Assert.Equal(Words(Golden), Words(Output.ToString()));
    }

    [Theory]
    [InlineData("web")]
    [InlineData("0F1E2D3C-4b5a-6978-8796-a5b4c3d2e1f0")]
    public void JSON_says_everything_of_the_guest_asked_for(string name)
    {
        using var daemon = new HikaedWithAnswers(Surroundings.ControlSocket, new Statuses([Database, Web]));

        Assert.Equal(0, Run("status", name, "--json"));

        using JsonDocument json = JsonDocument.Parse(Output.ToString());
        JsonElement guest = Assert.Single(json.RootElement.EnumerateArray());
        Assert.Equal("web", guest.GetProperty("guest").GetString());
        Assert.Equal("protected", guest.GetProperty("state").GetString());
        Assert.Equal(JsonValueKind.Null, guest.GetProperty("reason").ValueKind);
    }

    [Fact]
    public void No_guest_is_said_in_words_and_in_JSON_an_empty_array()
    {
        using (new HikaedWithAnswers(Surroundings.ControlSocket, new Statuses([])))
        {
            Assert.Equal(0, Run("status"));
        }

        Assert.Equal("No guest is annotated on this host; see hikae enable --help.\n", Output.ToString());

        File.Delete(Surroundings.ControlSocket);
        using var daemon = new HikaedWithAnswers(Surroundings.ControlSocket, new Statuses([]));
        Assert.Equal(0, Run("status", "--json"));
        Assert.EndsWith("[]\n", Output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_guest_is_an_error()
    {
        using var daemon = new HikaedWithAnswers(Surroundings.ControlSocket, new Statuses([Web]));

        Assert.Equal(1, Run("status", "mail"));

        Assert.Contains("knows no guest \"mail\"", Errors.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_hikaed_the_status_is_3_and_the_sentence_says_what_to_do()
    {
        Assert.Equal(3, Run("status"));

        Assert.Equal(
            $"hikae: hikaed is not running on this host (no answer at {Surroundings.ControlSocket}); start it with: systemctl start hikaed\n",
            Errors.ToString());
    }

    [Fact]
    public void A_daemon_that_closes_or_talks_nonsense_is_an_error_and_no_crash()
    {
        using (new HikaedWithAnswers(Surroundings.ControlSocket, Array.Empty<byte[]>()))
        {
            Assert.Equal(1, Run("status"));
        }

        File.Delete(Surroundings.ControlSocket);
        using var daemon = new HikaedWithAnswers(Surroundings.ControlSocket, [0xff, 0xff, 0xff, 0xff]);
        Assert.Equal(1, Run("status"));
        Assert.Empty(Output.ToString());
    }

    [Theory]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    public async Task Failover_passes_on_the_question_and_the_answer(bool ok, int exitCode)
    {
        using var daemon = new HikaedWithAnswers(Surroundings.ControlSocket, new Result(ok, "web runs on hostB"));

        Assert.Equal(exitCode, Run("failover", "web"));

        Assert.Equal(new FailoverGuest("web"), await daemon.RequestAsync());
        Assert.Equal("web runs on hostB\n", Output.ToString() + Errors);
    }

    /// <summary>Two or more blanks are one separator: how far columns are apart is not promised.</summary>
    private static string[] Words(string table) =>
        [.. table.Trim().Split('\n').Select(line => System.Text.RegularExpressions.Regex.Replace(line.TrimEnd(), " {2,}", "  "))];
}
