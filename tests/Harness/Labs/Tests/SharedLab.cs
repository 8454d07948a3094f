// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Labs.Tests;

/// <summary>One lab for most tests, made by the first that asks. Between tests it is swept: hosts up, cables in, no guest but the one that is kept.</summary>
public class SharedLab : IDisposable
{
    /// <summary>
    /// A machine busy with other tests may keep a whole host waiting longer than the default of 500 ms. A false detection would be survived, but it
    /// is not what these tests are about.
    /// </summary>
    public static readonly IReadOnlyDictionary<string, string> PatientSettings = new Dictionary<string, string> { ["link.detect_ms"] = "2000" };

    /// <summary>
    /// The same, with fewer checkpoints: they are most of what two labs do on two processors. Who waits for an answer of a guest makes it ask for one every
    /// 20 ms otherwise. Not for what proves that nothing is lost.
    /// </summary>
    public static readonly IReadOnlyDictionary<string, string> CalmSettings = Calm(PatientSettings);

    private readonly Lazy<Lab> _lab;
    private LabGuest? _kept;

    public SharedLab()
        : this("shared", CalmSettings)
    {
    }

    protected SharedLab(string name, IReadOnlyDictionary<string, string> settings, int hosts = 2)
    {
        _lab = new Lazy<Lab>(() => Lab.Up(name, new LabOptions { Settings = settings, Hosts = hosts }));
    }

    /// <summary>Settings with fewer checkpoints, as <see cref="CalmSettings"/>.</summary>
    protected static IReadOnlyDictionary<string, string> Calm(IReadOnlyDictionary<string, string> settings) => settings
        .Append(new("checkpoint.min_interval_ms", "60")).Append(new("checkpoint.interval_ms", "500")).ToDictionary();

    internal Lab Swept(bool keepsGuest = false)
    {
        Lab.RequireParts();
        if (_lab.IsValueCreated)
        {
            if (!keepsGuest || _kept?.StateOn(_lab.Value.HostA) != "running")
            {
                _kept = null;
            }

            Sweep(_lab.Value, _kept);
        }

        return _lab.Value;
    }

    /// <summary>The guest that the next test finds as well if it wants one and this one still runs where it was started.</summary>
    internal LabGuest Keep(Func<LabGuest> start) => _kept ??= start();

    internal void KeepNone() => _kept = null;

    internal string Logs() => _lab is { IsValueCreated: true } ? _lab.Value.Logs() : "the lab is not up";

    public void Dispose()
    {
        if (_lab is { IsValueCreated: true })
        {
            _lab.Value.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    private static void Sweep(Lab lab, LabGuest? kept)
    {
        foreach (LabHost host in lab.Hosts)
        {
            host.MakeWhole();
        }

        foreach (LabHost host in lab.Hosts)
        {
            EndGuests(host, kept);
        }

        foreach (LabHost host in lab.Hosts)
        {
            lab.Until($"no sidecar is left on {host.Name}", () =>
            {
                (int Pid, string CommandLine)[] left = [.. host.Sidecars()
                    .Where(sidecar => kept is null || !sidecar.CommandLine.Contains(kept.Uuid, StringComparison.Ordinal))];
                // A backup whose primary does not call again would wait for a minute.
                foreach ((int pid, _) in left.Where(sidecar => sidecar.CommandLine.Contains("--role backup", StringComparison.Ordinal)))
                {
                    host.TryRun("kill", "-TERM", $"{pid}");
                }

                if (left.Length > 0)
                {
                    // One may have waited for the room that another left.
                    EndGuests(host, kept);
                }

                return left.Length == 0;
            });
        }
    }

    private static void EndGuests(LabHost host, LabGuest? kept)
    {
        if (host.Domains()?.Any(name => name != kept?.Name) ?? true)
        {
            host.Shell($"""
                for g in $(virsh -q list --name | grep -vx '{kept?.Name}'); do virsh -q destroy $g; done
                for g in $(virsh -q list --all --name | grep -vx '{kept?.Name}'); do virsh -q undefine --keep-nvram $g; done
                true
                """);
        }
    }
}
