// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Labs.Tests;

/// <summary>One lab for most tests, made by the first that asks. Between tests it is swept: hosts up, cables in, no guest.</summary>
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
    public static readonly IReadOnlyDictionary<string, string> CalmSettings = PatientSettings
        .Append(new("checkpoint.min_interval_ms", "60")).Append(new("checkpoint.interval_ms", "150")).ToDictionary();

    private readonly Lazy<Lab> _lab;

    public SharedLab()
        : this("shared", CalmSettings)
    {
    }

    protected SharedLab(string name, IReadOnlyDictionary<string, string> settings, int hosts = 2)
    {
        _lab = new Lazy<Lab>(() => Lab.Up(name, new LabOptions { Settings = settings, Hosts = hosts }));
    }

    internal Lab Swept()
    {
        Lab.RequireParts();
        if (_lab.IsValueCreated)
        {
            Sweep(_lab.Value);
        }

        return _lab.Value;
    }

    internal string Logs() => _lab is { IsValueCreated: true } ? _lab.Value.Logs() : "the lab is not up";

    public void Dispose()
    {
        if (_lab is { IsValueCreated: true })
        {
            _lab.Value.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    private static void Sweep(Lab lab)
    {
        foreach (LabHost host in lab.Hosts)
        {
            host.MakeWhole();
        }

        foreach (LabHost host in lab.Hosts)
        {
            host.Shell("for g in $(virsh -q list --name); do virsh -q destroy $g; done; for g in $(virsh -q list --all --name); do virsh -q undefine $g; done; true");
        }

        foreach (LabHost host in lab.Hosts)
        {
            // A backup whose primary does not call again would wait for a minute.
            host.TryRun("pkill", "-TERM", "-f", "hikae-sidecar --role backup");
            lab.Until($"no sidecar is left on {host.Name}", () => !host.TryRun("pgrep", "-x", "hikae-sidecar").Succeeded);
        }
    }
}
