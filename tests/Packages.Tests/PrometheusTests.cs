// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;
using Hikae.Harness;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Packages.Tests;

/// <summary>Alert rules and dashboard with Debian's Prometheus.</summary>
[Collection<SharedPlayedHosts>]
public sealed partial class PrometheusTests(PlayedHosts hosts)
{
    private const int Port = 9090;

    [Fact]
    public void The_rules_are_well_formed_and_pass_their_tests()
    {
        string said = PackagesLab.Shell(
            """
            promtool=$(lab/lab prometheus)/promtool
            $promtool check rules packaging/prometheus/hikae.rules.yml
            $promtool test rules packaging/prometheus/hikae.rules.test.yml
            """);

        Assert.Contains($"SUCCESS: {Alerts()} rules found", said, StringComparison.Ordinal);
        Assert.EndsWith("  SUCCESS\n\n", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Prometheus_reads_two_hosts_and_answers_every_query_of_the_dashboard()
    {
        Lab lab = hosts.Lab;
        hosts.WaitForProtected();
        string folder = Directory.CreateTempSubdirectory("hikae-prometheus-").FullName;
        using Process prometheus = Start(lab, folder);
        try
        {
            using HttpClient client = Client(lab);
            lab.Until("Prometheus has read both hosts", () => Count(client, "hikae_up == 1") == 2
                && Count(client, "hikae_guest_protected == 1") == 2
                && Count(client, "rate(hikae_guest_checkpoints_total[1m]) > 0") > 0);

            using JsonDocument dashboard = JsonDocument.Parse(Repository.Read("packaging", "grafana", "hikae.json"));
            string[] queries = [.. dashboard.RootElement.GetProperty("panels").EnumerateArray()
                .SelectMany(panel => panel.GetProperty("targets").EnumerateArray())
                .Select(target => target.GetProperty("expr").GetString()!)];
            Assert.True(queries.Length > 20);
            Assert.All(queries, query => Assert.True(Count(client, Filled(query)) > 0, $"{query}; the guest is {string.Join(", ", lab.HostA.Reports().Concat(lab.HostB.Reports()))}"));
            Assert.Equal(1, Count(client, $$"""hikae_guest_protected{guest="{{PlayedHosts.GuestName}}",role="primary"} == 1"""));

            using JsonDocument rules = JsonDocument.Parse(await client.GetStringAsync("/api/v1/rules", TestContext.Current.CancellationToken));
            JsonElement[] loaded = [.. rules.RootElement.GetProperty("data").GetProperty("groups").EnumerateArray().SelectMany(group => group.GetProperty("rules").EnumerateArray())];
            Assert.Equal(Alerts(), loaded.Length);
            Assert.All(loaded, rule => Assert.Equal("ok", rule.GetProperty("health").GetString()));
        }
        finally
        {
            prometheus.Kill(entireProcessTree: true);
            await prometheus.WaitForExitAsync(CancellationToken.None);
            Directory.Delete(folder, recursive: true);
        }
    }

    private static int Alerts() => Repository.Read("packaging", "prometheus", "hikae.rules.yml").Split("- alert:").Length - 1;

    /// <summary>With what docs/packages.md tells administrators to write, and a shorter pace.</summary>
    private static Process Start(Lab lab, string folder)
    {
        string programs = PackagesLab.Shell("lab/lab prometheus").TrimEnd();
        File.WriteAllText(Path.Combine(folder, "prometheus.yml"), $$"""
            global: {scrape_interval: 1s, evaluation_interval: 1s}
            rule_files: [{{Repository.PathOf("packaging", "prometheus", "hikae.rules.yml")}}]
            scrape_configs:
              - job_name: hikae
                static_configs: [{targets: ["10.77.1.11:{{PlayedHosts.MetricsPort}}", "10.77.1.12:{{PlayedHosts.MetricsPort}}"]}]
            """);
        ProcessStartInfo start = lab.ClientStartInfo(
            Path.Combine(programs, "prometheus"),
            $"--config.file={folder}/prometheus.yml", $"--storage.tsdb.path={folder}/data", $"--web.listen-address=10.77.1.1:{Port}", "--log.level=error");
        Process process = Process.Start(start)!;
        process.OutputDataReceived += static (_, _) => { };
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private static HttpClient Client(Lab lab) => new(new SocketsHttpHandler
    {
        ConnectCallback = async (_, cancellation) =>
        {
            Socket socket = lab.ClientSocket();
            try
            {
                await socket.ConnectAsync(new IPEndPoint(IPAddress.Parse("10.77.1.1"), Port), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    })
    {
        BaseAddress = new Uri($"http://10.77.1.1:{Port}"),
    };

    /// <summary>How many series it gives; -1 while Prometheus does not answer. A query that is not understood fails the test.</summary>
    private static int Count(HttpClient client, string query)
    {
        try
        {
            using HttpResponseMessage response = client.GetAsync("/api/v1/query?query=" + Uri.EscapeDataString(query)).GetAwaiter().GetResult();
            string text = response.Content.ReadAsStringAsync().GetAwaiter().GetResult();
            Assert.True(response.StatusCode is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable, $"{query}: {text}");
            using JsonDocument answer = JsonDocument.Parse(response.IsSuccessStatusCode ? text : """{"data":{"result":[]}}""");
            return answer.RootElement.GetProperty("data").GetProperty("result").GetArrayLength();
        }
        catch (HttpRequestException)
        {
            return -1;
        }
    }

    /// <summary>As Grafana fills in its variables.</summary>
    private static string Filled(string query) => Interval().Replace(query, "1m")
        .Replace("$host", ".*", StringComparison.Ordinal)
        .Replace("$guest", ".*", StringComparison.Ordinal);

    [GeneratedRegex(@"\$__\w+")]
    private static partial Regex Interval();
}
