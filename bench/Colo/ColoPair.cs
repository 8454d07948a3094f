// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Colo;

/// <summary>A guest under stock QEMU's own fault tolerance, COLO: a primary on one host, its secondary on another.</summary>
/// <remarks>
/// As in QEMU's docs/COLO-FT.txt, with what only costs memory left out: the secondary gets no block replication (each side has a
/// throw-away overlay of the same image) and no network filters, so its memory is if anything too small. The period between
/// checkpoints is an hour: the figure wanted is the secondary's memory when the first copy is complete, and under TCG the first
/// checkpoint after it may dead-lock QEMU.
/// </remarks>
internal sealed class ColoPair : IDisposable
{
    /// <summary>What the lab's guests print on their console when they are up.</summary>
    public const string UpMark = "up after";

    private const string Folder = "/srv/shared/colo";
    private const long CheckpointDelayMs = 3_600_000;

    private static readonly TimeSpan EndLimit = TimeSpan.FromMinutes(1);

    private readonly Lab _lab;
    private readonly LabGuest _guest;
    private readonly string _append;
    private readonly List<(LabHost Host, int Pid)> _processes = [];

    /// <summary>Starts the primary; it boots the guest.</summary>
    /// <param name="lab">Primary on the first host, secondary on the second.</param>
    /// <param name="guest">The guest whose kernel, disk and memory size are used. It must not run.</param>
    /// <param name="append">More words for its kernel's command line.</param>
    public ColoPair(Lab lab, LabGuest guest, string append = "")
    {
        _append = append;
        File.Delete(Path.Combine(lab.HostA.GuestLogs, "colo-primary.log"));
        _lab = lab;
        _guest = guest;
        Directory.CreateDirectory(Path.Combine(lab.SharedFolder, "colo"));
        Start(lab.HostA, "primary", []);
    }

    /// <summary>The guest has reached its application: it says so on its console.</summary>
    public bool GuestIsUp => File.Exists(Console) && File.ReadAllText(Console).Contains(UpMark, StringComparison.Ordinal);

    /// <summary>Starts the secondary, copies the guest to it, and returns when both QEMUs say that they are in COLO.</summary>
    public ProcessFigures Replicate(TimeSpan longest)
    {
        ProcessFigures secondary = Start(_lab.HostB, "secondary", ["-incoming", $"unix:{Folder}/incoming"]);
        using QmpConnection there = Monitor("secondary");
        using QmpConnection here = Monitor("primary");
        foreach (QmpConnection side in (QmpConnection[])[there, here])
        {
            side.Execute("migrate-set-capabilities", new JsonObject
            {
                ["capabilities"] = new JsonArray(new JsonObject { ["capability"] = "x-colo", ["state"] = true }),
            });
        }
        here.Execute("migrate-set-parameters", new JsonObject { ["x-checkpoint-delay"] = CheckpointDelayMs, ["max-bandwidth"] = 10_000_000_000 });
        here.Execute("migrate", new JsonObject { ["uri"] = $"unix:{Folder}/incoming" });
        Waiting.Until(
            "stock QEMU reached COLO",
            longest,
            () => Status(here) == "colo" && Mode(there) == "secondary",
            () => $"the primary's migration is \"{Status(here)}\", the secondary's COLO mode is \"{Mode(there)}\"");
        return secondary;
    }

    public void Dispose()
    {
        foreach ((LabHost host, int pid) in _processes)
        {
            host.TryRun("kill", "-KILL", pid.ToString(CultureInfo.InvariantCulture));
        }
        // Gigabytes take a while to be freed, and the next pair wants them, and the files.
        foreach ((LabHost host, int pid) in _processes)
        {
            Waiting.Until($"QEMU {pid} has ended", EndLimit, () => !host.TryRun("test", "-e", $"/proc/{pid}").Succeeded);
        }
        Directory.Delete(Path.Combine(_lab.SharedFolder, "colo"), recursive: true);
    }

    private static string Status(QmpConnection monitor) =>
        monitor.Execute("query-migrate").TryGetProperty("status", out JsonElement status) ? status.GetString()! : "none";

    private static string Mode(QmpConnection monitor) => monitor.Execute("query-colo-status").GetProperty("mode").GetString()!;

    private ProcessFigures Start(LabHost host, string role, string[] more)
    {
        XElement domain = XElement.Parse(_guest.Xml);
        XElement os = domain.Element("os")!;
        string disk = domain.Descendants("disk").Single().Element("source")!.Attribute("file")!.Value;
        string[] arguments =
        [
            "-name", $"colo-{role}", "-machine", "pc-q35-10.0", "-accel", "tcg", "-smp", domain.Element("vcpu")!.Value, "-m", domain.Element("memory")!.Value,
            "-nodefaults", "-display", "none", "-kernel", os.Element("kernel")!.Value, "-initrd", os.Element("initrd")!.Value, "-append", os.Element("cmdline")!.Value + _append,
            "-drive", $"if=none,id=disk,file={disk},format=raw,snapshot=on", "-device", "virtio-blk-pci,drive=disk",
            "-netdev", "hubport,id=net,hubid=0", "-device", "virtio-net-pci,netdev=net",
            "-serial", $"file:/var/log/guests/colo-{role}.log", "-qmp", $"unix:{Folder}/{role},server=on,wait=off",
            "-daemonize", "-pidfile", $"{Folder}/{role}.pid", .. more,
        ];
        host.Run("qemu-system-x86_64", arguments);
        int pid = int.Parse(host.Run("cat", $"{Folder}/{role}.pid"), CultureInfo.InvariantCulture);
        _processes.Add((host, pid));
        return new ProcessFigures(host, pid);
    }

    private string Console => Path.Combine(_lab.HostA.GuestLogs, "colo-primary.log");

    private QmpConnection Monitor(string role) => new(Path.Combine(_lab.SharedFolder, "colo", role));
}
