// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Hikae.Harness.Labs;

/// <summary>Isolated libvirt hosts on this machine, made and ended by lab/lab. Every wait has a deadline far beyond what is normal.</summary>
/// <remarks>
/// Installs the package of the programs that are in artifacts/bin: ./publish them before. The deadline is for a busy machine; no test may measure
/// time by it.
/// </remarks>
public sealed class Lab : IDisposable
{
    // What lab/lab takes from its environment at up and boot.
    internal const string NoUserfaultfd = "HIKAE_LAB_NO_USERFAULTFD";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(180);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(100);

    private readonly LabOptions _options;

    private Lab(string name, LabOptions options)
    {
        _options = options;
        Name = name;
        Environment = new Dictionary<string, string>
        {
            ["HIKAE_LAB"] = name,
            [NoUserfaultfd] = options.Userfaultfd ? "0" : "1",
            ["HIKAE_LAB_SYSTEMD"] = options.Packages is null ? "0" : "1",
            ["HIKAE_LAB_MANAGED"] = options.Managed ? "1" : "0",
            ["HIKAE_LAB_PACKAGES"] = options.Packages ?? "",
        };
        Hosts = [.. Enumerable.Range(0, options.Hosts).Select(n => new LabHost(this, $"host{(char)('A' + n)}"))];
    }

    /// <summary>As in HIKAE_LAB.</summary>
    public string Name { get; }

    /// <summary>In order of their names.</summary>
    public IReadOnlyList<LabHost> Hosts { get; }

    /// <summary>The first host.</summary>
    public LabHost HostA => Hosts[0];

    /// <summary>The second host.</summary>
    public LabHost HostB => Hosts[1];

    /// <summary>Outside path of what is /srv/shared on each host.</summary>
    public string SharedFolder => Path.Combine(Folder, "shared");

    /// <summary>Outside path of the lab's state.</summary>
    internal string Folder => Path.Combine("/run/hikae-lab", Name);

    internal bool Userfaultfd => _options.Userfaultfd;

    internal static string Script => Repository.PathOf("lab", "lab");

    internal IReadOnlyDictionary<string, string> Environment { get; }

    /// <summary>Skips the test where a lab cannot be had: not root, or programs that are not published.</summary>
    public static void RequireParts()
    {
        Requires.Root();
        Requires.Command("nsenter");
        Requires.Command("apt-get");
        Requires.Published("hikaed", "hikae-sidecar", "hikae-hook", "hikae");
    }

    /// <summary>Makes a lab. One of the same name that an aborted run left is ended first.</summary>
    /// <param name="name">Put behind HIKAE_LAB (default "tests"), so that several runs on one machine do not meet.</param>
    /// <param name="options">Null = two hosts, installed, default configuration.</param>
    public static Lab Up(string name, LabOptions? options = null)
    {
        options ??= new LabOptions();
        var lab = new Lab($"{System.Environment.GetEnvironmentVariable("HIKAE_LAB") ?? "tests"}-{name}", options);
        lab.ScriptCommand("down");
        try
        {
            lab.ScriptCommand("up", options.Hosts.ToString(System.Globalization.CultureInfo.InvariantCulture));
            lab.RefreshHosts();
            if (options.Install)
            {
                lab.Install();
            }
        }
        catch
        {
            lab.Dispose();
            throw;
        }

        return lab;
    }

    /// <summary>Installs, or installs again, on running hosts (none named: on all) and (re)starts hikaed there.</summary>
    public void Install(params LabHost[] hosts) => ScriptCommand(
    [
        "install",
        .. _options.Settings.SelectMany(setting => new[] { "--set", $"{setting.Key}={setting.Value}" }),
        .. hosts.Select(host => host.Name),
    ]);

    /// <summary>Makes a guest's files and domain XML. It is not started: see <see cref="LabGuest.Start"/>.</summary>
    public LabGuest Guest(string name, LabGuestOptions options)
    {
        string xml = Check(TryScript([options.Debian ? "debian-guest" : "guest", name, .. options.Arguments()])).Output;
        return new LabGuest(this, name, options.EditXml?.Invoke(xml) ?? xml);
    }

    /// <summary>Makes a guest and starts it on the first host.</summary>
    public LabGuest StartGuest(string name, LabGuestOptions options) => Guest(name, options).Start(HostA);

    /// <summary>Runs a program in the test client's network namespace; throws when it fails.</summary>
    public string Client(string program, params string[] arguments) => Check(TryScript(["client", program, .. arguments])).Output;

    /// <summary>The same for a program that may fail.</summary>
    public CommandResult TryClient(string program, params string[] arguments) => TryScript(["client", program, .. arguments]);

    /// <summary>The same for a program that goes on meanwhile; all three streams are redirected.</summary>
    public ProcessStartInfo ClientStartInfo(string program, params string[] arguments) =>
        LabCommand.StartInfo(Script, ["client", program, .. arguments], Environment);

    /// <summary>A TCP socket in the test client's network, not yet connected. Any thread may use it.</summary>
    public Socket ClientSocket() => ClientSocket(SocketType.Stream, ProtocolType.Tcp);

    /// <summary>An IPv4 socket of another kind, in the same network.</summary>
    public Socket ClientSocket(SocketType type, ProtocolType protocol) => NetworkNamespace.MakeSocket(
        int.Parse(File.ReadAllText(Path.Combine(Folder, "client")).Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture), type, protocol);

    /// <summary>Watches from which host each guest is heard, from now on.</summary>
    public LanWatch Watch() => new(LabCommand.StartInfo(Script, ["watch"], Environment));

    /// <summary>Asks until the answer is not null, and gives it. Throws with the hosts' logs when that takes absurdly long.</summary>
    public T Eventually<T>(string what, Func<T?> ask)
        where T : class => Eventually(() => what, ask);

    /// <summary>The same with a message made when it is needed.</summary>
    public T Eventually<T>(Func<string> what, Func<T?> ask)
        where T : class
    {
        long started = Stopwatch.GetTimestamp();
        while (true)
        {
            if (ask() is { } answer)
            {
                return answer;
            }

            if (Stopwatch.GetElapsedTime(started) > Deadline)
            {
                throw new LabException($"Within {Deadline.TotalSeconds} s not so: {what()}\n{Logs()}");
            }

            Thread.Sleep(PollInterval);
        }
    }

    /// <summary>The same for a plain condition.</summary>
    public void Until(string what, Func<bool> isSo) => Eventually(what, () => isSo() ? "" : null);

    /// <summary>The state and the newest log lines of all hosts.</summary>
    public string Logs()
    {
        var text = new StringBuilder();
        foreach (LabHost host in Hosts)
        {
            text.Append("======== ").Append(host.Name).Append('\n').Append(host.Logs()).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>Ends every process, mount and network of the lab.</summary>
    public void Dispose() => TryScript("down");

    internal CommandResult TryScript(params string[] arguments) => LabCommand.Run(Script, arguments, Environment);

    internal void ScriptCommand(params string[] arguments) => Check(TryScript(arguments));

    internal CommandResult Check(CommandResult result) =>
        result.Succeeded ? result : throw new LabException($"{result}\n{Logs()}");

    internal int? PidOf(string host)
    {
        using JsonDocument status = JsonDocument.Parse(TryScript("status", "--json").Output);
        JsonElement pid = status.RootElement.GetProperty("hosts").EnumerateArray()
            .Single(element => element.GetProperty("name").GetString() == host).GetProperty("pid");
        return pid.ValueKind == JsonValueKind.Null ? null : pid.GetInt32();
    }

    private void RefreshHosts()
    {
        foreach (LabHost host in Hosts)
        {
            host.Refresh();
        }
    }
}
