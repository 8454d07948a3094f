// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Native.Libvirt;

namespace Hikae.Harness.Labs;

/// <summary>One host of a lab.</summary>
public sealed class LabHost
{
    private readonly Lab _lab;
    private readonly HashSet<string> _unplugged = [];
    private bool _isFrozen;

    internal LabHost(Lab lab, string name)
    {
        _lab = lab;
        Name = name;
    }

    /// <summary>hostA, hostB, and so on; it resolves to the host's address on the replication network.</summary>
    public string Name { get; }

    /// <summary>False after a power cut.</summary>
    public bool IsRunning => Pid is not null;

    /// <summary>Outside folder of the guests' serial consoles, readable also after a power cut.</summary>
    public string GuestLogs => Path.Combine(_lab.Folder, "hosts", Name, "guests");

    /// <summary>Outside path of a file of this running host.</summary>
    public string PathOf(string file) => $"/proc/{Pid ?? throw new InvalidOperationException($"{Name} is not running")}/root{file}";

    /// <summary>Process number of the host's first process, in the outer namespace; null when it is not running.</summary>
    internal int? Pid { get; private set; }

    /// <summary>Runs a program here; throws when it fails. Gives its output.</summary>
    public string Run(string program, params string[] arguments) => _lab.Check(TryRun(program, arguments)).Output;

    /// <summary>Runs a program here, which may fail.</summary>
    public CommandResult TryRun(string program, params string[] arguments)
    {
        if (Pid is not { } pid)
        {
            return new CommandResult(program, 255, "", $"{Name} is not running");
        }

        string[] enter =
        [
            "--target", pid.ToString(CultureInfo.InvariantCulture), "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd", "--",
            "/usr/bin/env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8",
        ];
        return LabCommand.Run("nsenter", [.. enter, program, .. arguments]) with { Command = $"{Name}: {program} {string.Join(' ', arguments)}" };
    }

    /// <summary>Runs shell commands here; throws when the last one fails.</summary>
    public string Shell(string commands) => Run("bash", "-c", commands);

    /// <summary>virsh; throws when it fails.</summary>
    public string Virsh(params string[] arguments) => Run("virsh", ["-q", .. arguments]);

    /// <summary>The hikae command; throws when it fails.</summary>
    public string Hikae(params string[] arguments) => Run("hikae", arguments);

    /// <summary>All guests that this host's daemon knows; none when the daemon does not answer.</summary>
    public IReadOnlyList<GuestReport> Reports()
    {
        if (!IsRunning)
        {
            return [];
        }
        try
        {
            return DaemonStatus.Ask(PathOf("/run/hikae/hikaed.sock"));
        }
        catch (IOException)
        {
            return [];
        }
    }

    /// <summary>The sidecars that run here, by the numbers that this host counts, lowest first, each with its command line.</summary>
    /// <remarks>Read from outside: tests that wait ask ten times a second, and each pgrep is three programs.</remarks>
    public IReadOnlyList<(int Pid, string CommandLine)> Sidecars()
    {
        if (!IsRunning)
        {
            return [];
        }
        try
        {
            return [.. new DirectoryInfo(PathOf("/proc")).EnumerateDirectories()
                .Where(process => char.IsAsciiDigit(process.Name[0]))
                .Select(process => (Pid: int.Parse(process.Name, CultureInfo.InvariantCulture), CommandLine: CommandLineOf(process.FullName)))
                .Where(process => process.CommandLine.Split(' ')[0].EndsWith("hikae-sidecar", StringComparison.Ordinal))
                .OrderBy(process => process.Pid)];
        }
        catch (IOException)
        {
            // The host has ended meanwhile.
            return [];
        }
    }

    /// <summary>The domains that libvirt knows here, running or not; null when it does not answer.</summary>
    public IReadOnlyList<string>? Domains() => AskLibvirt<IReadOnlyList<string>>(
        libvirt =>
        {
            var names = new List<string>();
            foreach (Domain domain in libvirt.ListDomains(activeOnly: false))
            {
                using (domain)
                {
                    names.Add(domain.Name);
                }
            }
            return names;
        });

    /// <summary>What "virsh domstate" says of a domain; null when it fails.</summary>
    internal string? StateOfDomain(string name) => AskLibvirt(libvirt =>
    {
        using Domain? domain = libvirt.FindByName(name);
        return domain?.GetState().State switch
        {
            null => null,
            DomainState.NoState => "no state",
            DomainState.Running => "running",
            DomainState.Blocked => "idle",
            DomainState.Paused => "paused",
            DomainState.Shutdown => "in shutdown",
            DomainState.Shutoff => "shut off",
            DomainState.Crashed => "crashed",
            DomainState.PMSuspended => "pmsuspended",
            DomainState state => throw new InvalidOperationException($"{state}"),
        };
    });

    /// <summary>A power cut: nothing of it says goodbye. The disk stays. Gives the moment at which its links were dead.</summary>
    public DateTimeOffset Kill()
    {
        string cutAtSeconds = _lab.Check(_lab.TryScript("kill", Name)).Output;
        Pid = null;
        _unplugged.Clear();
        _isFrozen = false;
        return DateTimeOffset.UnixEpoch.AddSeconds(double.Parse(cutAtSeconds, CultureInfo.InvariantCulture));
    }

    /// <summary>Power back after a cut: same disk, hikaed starts where it was installed.</summary>
    public void Boot() => Boot(_lab.Userfaultfd);

    /// <summary>The same.</summary>
    /// <param name="userfaultfd">False: its QEMUs may not open /dev/userfaultfd, whatever they may on the lab's other hosts.</param>
    public void Boot(bool userfaultfd)
    {
        _lab.Check(LabCommand.Run(Lab.Script, ["boot", Name], new Dictionary<string, string>(_lab.Environment) { [Lab.NoUserfaultfd] = userfaultfd ? "0" : "1" }));
        Refresh();
    }

    /// <summary>Unplugs it from a network; the carrier stays up, as behind a dead switch.</summary>
    /// <param name="network">lan or repl.</param>
    public void Cut(string network)
    {
        _unplugged.Add(network);
        _lab.ScriptCommand("cut", network, Name);
    }

    /// <summary>Plugs it in again.</summary>
    /// <param name="network">lan or repl.</param>
    public void Restore(string network)
    {
        _lab.ScriptCommand("restore", network, Name);
        _unplugged.Remove(network);
    }

    /// <summary>SIGSTOP for all its processes, guests included.</summary>
    public void Freeze()
    {
        _isFrozen = true;
        _lab.ScriptCommand("freeze", Name);
    }

    /// <summary>They go on.</summary>
    public void Thaw()
    {
        _lab.ScriptCommand("thaw", Name);
        _isFrozen = false;
    }

    /// <summary>Power, cables and processes as they were in the beginning.</summary>
    public void MakeWhole()
    {
        if (!IsRunning)
        {
            Boot();
        }
        if (_isFrozen)
        {
            Thaw();
        }
        foreach (string network in _unplugged.ToArray())
        {
            Restore(network);
        }
    }

    /// <summary>Sends a signal to a process, by the number it has on this host.</summary>
    /// <param name="signal">KILL, TERM, STOP, CONT.</param>
    /// <param name="pid">The process.</param>
    public void Signal(string signal, int pid) => Run("kill", "-" + signal, pid.ToString(CultureInfo.InvariantCulture));

    /// <summary>Ends hikaed as a crash would and starts it again.</summary>
    public void RestartHikaed()
    {
        Shell("pid=$(cat /run/hikaed.pid); kill -KILL $pid; while [ -e /proc/$pid ]; do sleep 0.05; done");
        StartHikaed();
    }

    /// <summary>Starts hikaed, which does not run.</summary>
    public void StartHikaed() =>
        Shell("setsid sh -c 'echo $$ >/run/hikaed.pid; exec /usr/sbin/hikaed' </dev/null >>/var/log/hikae/hikaed.log 2>&1 &");

    /// <summary>Ends libvirtd as a crash would and starts it again.</summary>
    public void RestartLibvirtd()
    {
        KillLibvirtd();
        StartLibvirtd();
    }

    /// <summary>Ends libvirtd as a crash would.</summary>
    public void KillLibvirtd() =>
        Shell("pid=$(cat /run/libvirtd.pid) || exit 0; kill -KILL $pid; while [ -e /proc/$pid ]; do sleep 0.05; done; rm -f /run/libvirtd.pid");

    /// <summary>Starts libvirtd, which does not run, and waits until it answers.</summary>
    public void StartLibvirtd()
    {
        Shell("libvirtd -d --listen");
        _lab.Eventually($"libvirtd on {Name} answers again", () => TryRun("virsh", "-q", "list").Succeeded ? "" : null);
    }

    /// <summary>How another host's virsh reaches this host's libvirtd.</summary>
    public string LibvirtUri => $"qemu+tcp://{Name}/system";

    /// <summary>What an engineer would look at first, for messages of failed tests.</summary>
    public string Logs() => IsRunning
        ? TryRun("bash", "-c", "virsh -q list --all; ps -eo pid,stat,etime,args --sort pid | cut -c1-160 | grep -E 'hikae|libvirtd'; hikae status; tail -n 25 /var/log/hikae/*.log; [ ! -d /run/systemd/system ] || journalctl --no-pager -n 50 -u 'hikae*'").Output
        : "not running";

    // A connection for each question, as virsh has it: libvirtd comes and goes here. Without virsh it is a twentieth of the processor time.
    private T? AskLibvirt<T>(Func<Connection, T?> ask)
        where T : class
    {
        if (!IsRunning)
        {
            return null;
        }
        try
        {
            using var libvirt = Connection.Open($"qemu+unix:///system?socket={PathOf("/run/libvirt/libvirt-sock")}");
            return ask(libvirt);
        }
        catch (LibvirtException)
        {
            return null;
        }
    }

    private static string CommandLineOf(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "cmdline")).Replace('\0', ' ');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It has ended meanwhile.
            return "";
        }
    }

    internal void Refresh() => Pid = _lab.PidOf(Name);
}
