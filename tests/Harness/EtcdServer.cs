// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Harness;

/// <summary>Debian's etcd, one member, on a loopback port that was free a moment ago, with data of its own.</summary>
public sealed class EtcdServer : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly Lazy<string?> Program = new(() => LabCommand.Run(Lab.Script, ["etcd"]) is { Succeeded: true } found ? found.Output : null);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hikae-etcd-");
    private readonly string[] _tls;
    private readonly int _port;
    private Process _process;

    /// <param name="tls">Options that make it speak TLS; none = plain http.</param>
    public EtcdServer(params string[] tls)
    {
        _tls = tls;
        _port = FreePort();
        _process = Start();
        WaitUntilItAnswers();
    }

    /// <summary>Where it is reached.</summary>
    public Uri Endpoint => new($"{(_tls.Length > 0 ? "https" : "http")}://127.0.0.1:{_port}");

    /// <summary>Skips the test where there is no etcd and none can be had.</summary>
    public static string Require()
    {
        Requires.Root();
        Requires.Command("apt-get");
        Assert.SkipWhen(Program.Value is null, "needs etcd, and lab/lab etcd could not fetch it");
        return Program.Value!;
    }

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>Starts it again with the same data.</summary>
    public void Restart()
    {
        _process.Dispose();
        _process = Start();
        WaitUntilItAnswers();
    }

    /// <summary>Sends it a signal, for instance STOP or CONT; after STOP all its threads stand still.</summary>
    public void Signal(string name)
    {
        using Process kill = Process.Start("kill", [$"-{name}", $"{_process.Id}"]);
        kill.WaitForExit();
        while (name == "STOP" && Directory.GetDirectories($"/proc/{_process.Id}/task").Any(task => StateOf(task) != 'T'))
        {
            Thread.Sleep(1);
        }
    }

    private static char StateOf(string task)
    {
        // The name before it is in brackets and may hold anything.
        string stat = File.ReadAllText(Path.Combine(task, "stat"));
        return stat[stat.LastIndexOf(')') + 2];
    }

    /// <summary>Puts whatever is wanted into a key.</summary>
    public void Put(string key, string value) => Post(
        "/v3/kv/put",
        $$"""{"key":"{{Convert.ToBase64String(Encoding.UTF8.GetBytes(key))}}","value":"{{Convert.ToBase64String(Encoding.UTF8.GetBytes(value))}}"}""");

    /// <summary>Deletes a key.</summary>
    public void Delete(string key) => Post("/v3/kv/deleterange", $$"""{"key":"{{Convert.ToBase64String(Encoding.UTF8.GetBytes(key))}}"}""");

    /// <inheritdoc/>
    public void Dispose()
    {
        Kill();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private Process Start()
    {
        string url = Endpoint.ToString().TrimEnd('/');
        var start = new ProcessStartInfo(Require(), [
            "--data-dir", Path.Combine(_folder.FullName, "data"), "--listen-client-urls", url, "--advertise-client-urls", url,
            "--listen-peer-urls", "http://127.0.0.1:0", "--log-level", "error", .. _tls])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private void WaitUntilItAnswers()
    {
        long started = Stopwatch.GetTimestamp();
        while (_tls.Length > 0 ? !IsListening() : !IsReady())
        {
            if (_process.HasExited || Stopwatch.GetElapsedTime(started) > Patience)
            {
                throw new InvalidOperationException("etcd does not answer");
            }
            Thread.Sleep(20);
        }
    }

    private bool IsListening()
    {
        try
        {
            using var client = new TcpClient("127.0.0.1", _port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private bool IsReady()
    {
        try
        {
            Post("/v3/kv/range", """{"key":"AA=="}""");
            return true;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private void Post(string path, string json)
    {
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using HttpResponseMessage response = client.PostAsync(new Uri(Endpoint, path), new StringContent(json)).GetAwaiter().GetResult();
        response.EnsureSuccessStatusCode();
    }
}
