// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Hikae.Harness.Labs;

/// <summary>A guest of a lab, on whichever host it runs.</summary>
public sealed partial class LabGuest
{
    internal LabGuest(Lab lab, string name, string xml)
    {
        Lab = lab;
        Name = name;
        Xml = xml;
    }

    /// <summary>Where it lives.</summary>
    public Lab Lab { get; }

    /// <summary>Its libvirt name.</summary>
    public string Name { get; }

    /// <summary>The domain XML it is started with.</summary>
    public string Xml { get; }

    /// <summary>Its libvirt UUID.</summary>
    public string Uuid => UuidElement().Match(Xml).Groups["uuid"].Value;

    /// <summary>Outside path of its folder on the shared storage; inside it is /srv/shared/guests/NAME.</summary>
    public string SharedFolder => Path.Combine(Lab.SharedFolder, "guests", Name);

    /// <summary>Its address on the LAN. It must have an interface.</summary>
    public IPAddress Address => IPAddress.Parse($"10.77.1.{100 + Index}");

    /// <summary>Its hardware address, as <see cref="LanRun.Mac"/> spells it.</summary>
    public string Mac => $"52:54:00:77:01:{Index:x2}";

    private int Index => int.Parse(File.ReadAllText(Path.Combine(SharedFolder, "index")), CultureInfo.InvariantCulture);

    /// <summary>Defines and starts it.</summary>
    public LabGuest Start(LabHost host)
    {
        DefineOn(host);
        host.Virsh("start", Name);
        return this;
    }

    /// <summary>Starts it as a domain without a definition.</summary>
    public LabGuest StartTransient(LabHost host)
    {
        host.Virsh("create", XmlFile());
        return this;
    }

    /// <summary>Defines it without starting it.</summary>
    public void DefineOn(LabHost host) => host.Virsh("define", XmlFile());

    /// <summary>Hears its datagrams. It must have an interface.</summary>
    public GuestListener Listen() =>
        new(this, LabCommand.StartInfo(Lab.Script, ["listen", Name], Lab.Environment));

    /// <summary>Runs a shell command inside. It must have an interface; throws when the command fails.</summary>
    public string Run(string command) => Lab.Check(Lab.TryScript("run", Name, command)).Output;

    /// <summary>libvirt's word for its state on a host, for instance "running"; "absent" when that host does not know it.</summary>
    public string StateOn(LabHost host) => host.StateOfDomain(Name) ?? "absent";

    /// <summary>What it wrote to its serial console while it ran on a host; readable also after the host was killed.</summary>
    public string SerialOn(LabHost host)
    {
        string file = Path.Combine(host.GuestLogs, Name + ".log");
        return File.Exists(file) ? File.ReadAllText(file) : "";
    }

    /// <summary>The numbers its counter wrote to the serial console while it ran on a host, one every 200 ms.</summary>
    public IReadOnlyList<long> SerialCountersOn(LabHost host) =>
        [.. CounterLine().Matches(SerialOn(host)).Select(match => long.Parse(match.Groups["n"].Value, CultureInfo.InvariantCulture))];

    /// <summary>Waits until it counts on a host: two numbers on that host's console more than there were.</summary>
    public long WaitForProgressOn(LabHost host)
    {
        int before = SerialCountersOn(host).Count;
        return Lab.Eventually(
            $"{Name} counts on {host.Name}'s serial console",
            () => SerialCountersOn(host) is { } numbers && numbers.Count > before + 1 ? numbers : null)[^1];
    }

    /// <summary>How a host reports it; null when that host's daemon does not know it.</summary>
    public GuestReport? ReportOn(LabHost host) => host.Reports().FirstOrDefault(report => report.Guest == Name);

    /// <summary>Waits until a host reports it in one of these states.</summary>
    public GuestReport WaitForState(LabHost host, params string[] states) =>
        WaitForReport(host, string.Join(" or ", states), report => states.Contains(report.State, StringComparer.Ordinal));

    /// <summary>Waits until a host reports it in a way.</summary>
    public GuestReport WaitForReport(LabHost host, string what, Func<GuestReport, bool> isWanted)
    {
        GuestReport? last = null;
        return Lab.Eventually(
            () => $"{host.Name} reports {Name} as {what}; last report: {(last is null ? "none" : $"{last.Role} {last.State} {last.Reason}")}",
            () => (last = ReportOn(host)) is { Stale: false } report && isWanted(report) ? report : null);
    }

    /// <summary>Waits until the primary says protected and has committed more than it had at the call.</summary>
    public GuestReport WaitForProtected(LabHost primary)
    {
        ulong epoch = WaitForState(primary, "protected").Epoch;
        return WaitForReport(primary, $"protected beyond epoch {epoch}", report => report is { State: "protected" } && report.Epoch != epoch);
    }

    /// <summary>Waits until a host's daemon does not know it any more.</summary>
    public void WaitForNoReport(LabHost host) =>
        Lab.Eventually($"{host.Name} reports nothing of {Name}", () => ReportOn(host) is null ? "" : null);

    /// <summary>Waits until libvirt says so.</summary>
    public void WaitForDomainState(LabHost host, string state)
    {
        string last = "";
        Lab.Eventually(() => $"{Name} is {state} on {host.Name}, it is {last}", () => (last = StateOn(host)) == state ? "" : null);
    }

    /// <summary>The process number of its sidecar on a host, as that host counts; null when none runs.</summary>
    public int? SidecarOn(LabHost host)
    {
        foreach ((int pid, string commandLine) in host.Sidecars())
        {
            if (commandLine.Contains($"--uuid {Uuid}", StringComparison.Ordinal))
            {
                return pid;
            }
        }
        return null;
    }

    /// <summary>The process number of its QEMU on a host, as that host counts.</summary>
    public int QemuOn(LabHost host) => int.Parse(host.Run("cat", $"/run/libvirt/qemu/{Name}.pid"), CultureInfo.InvariantCulture);

    /// <summary>Its QEMU on a host, by the process number that this machine counts, and the words it was started with.</summary>
    public (int Pid, string[] CommandLine) QemuFromOutside(LabHost host)
    {
        // It may run on the other host, too: the process must be in this host's process namespace.
        string? place = new FileInfo(host.PathOf("").Replace("/root", "/ns/pid", StringComparison.Ordinal)).LinkTarget;
        foreach (string process in Directory.EnumerateDirectories("/proc").Where(path => char.IsDigit(path[^1])))
        {
            try
            {
                string[] words = File.ReadAllText($"{process}/cmdline").Split('\0');
                if (words.Contains("-uuid") && words.Contains(Uuid) && new FileInfo($"{process}/ns/pid").LinkTarget == place)
                {
                    return (int.Parse(Path.GetFileName(process), CultureInfo.InvariantCulture), words);
                }
            }
            catch (IOException)
            {
                // It has ended meanwhile.
            }
        }
        throw new InvalidOperationException($"No QEMU of {Name} on {host.Name}.");
    }

    /// <summary>Path of libvirt's status file on a host: there while the guest is active.</summary>
    public string StatusFile => $"/run/libvirt/qemu/{Name}.xml";

    /// <summary>What the reason of a recovery asks for when a dead libvirtd left the guest's domain half-started.</summary>
    public void EndHalfStartedOn(LabHost host)
    {
        host.KillLibvirtd();
        // By now there may be one that starts.
        host.Shell($"! grep -q \"pid='0'\" {StatusFile} || rm -f {StatusFile}");
        host.StartLibvirtd();
    }

    private string XmlFile()
    {
        File.WriteAllText(Path.Combine(SharedFolder, "domain.xml"), Xml);
        return $"/srv/shared/guests/{Name}/domain.xml";
    }

    [GeneratedRegex("<uuid>(?<uuid>[^<]+)</uuid>")]
    private static partial Regex UuidElement();

    [GeneratedRegex(@"^counter (?<n>\d+) \d+\r?$", RegexOptions.Multiline)]
    private static partial Regex CounterLine();
}
