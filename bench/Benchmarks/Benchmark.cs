// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Bench.Figures;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>One thing to measure, on lab hosts of its own.</summary>
internal abstract class Benchmark
{
    /// <summary>As on the command line.</summary>
    public abstract string Name { get; }

    /// <summary>One line for the help.</summary>
    public abstract string Summary { get; }

    /// <summary>How many lab hosts there are.</summary>
    protected virtual int Hosts => 2;

    /// <summary>Lab hosts' configuration where it differs from the defaults. On a machine that is busy with something else no guest shall move in the middle of a run.</summary>
    protected virtual IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string> { ["link.detect_ms"] = "4000" };

    /// <summary>The programs that must be published, as ./publish knows them; none = all.</summary>
    public virtual string[] Needs { get; } = [];

    /// <summary>Brings the lab up, measures, and takes it down again whatever happens.</summary>
    public virtual Report Run(BenchmarkOptions options)
    {
        var report = new Report(Name);
        report.Note("machine", Machine.Description);
        report.Add("load_average_before", Machine.LoadAverage);
        options.Say("lab up");
        var settings = new Dictionary<string, string>(Settings);
        foreach ((string key, string value) in options.Settings)
        {
            settings[key] = value;
            report.Note(key, value);
        }
        using (Lab lab = Lab.Up(Name, new LabOptions { Hosts = Hosts, Settings = settings }))
        {
            Measure(lab, options, report);
        }
        report.Add("load_average_after", Machine.LoadAverage);
        return report;
    }

    protected abstract void Measure(Lab lab, BenchmarkOptions options, Report report);
}
