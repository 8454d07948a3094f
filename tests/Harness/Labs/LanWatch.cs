// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;

namespace Hikae.Harness.Labs;

/// <summary>Stands at the LAN's switch and knows from which host each guest is heard.</summary>
public sealed class LanWatch : IDisposable
{
    private readonly Process _process;

    // guarded by _gate
    private readonly Lock _gate = new();
    private readonly List<LanRun> _runs = [];

    internal LanWatch(ProcessStartInfo start)
    {
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Add(line.Data);
        _process.BeginOutputReadLine();
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
    }

    /// <summary>The runs of one guest so far, in order; two runs in a row are of different hosts.</summary>
    public IReadOnlyList<LanRun> RunsOf(LabGuest guest)
    {
        var runs = new List<LanRun>();
        foreach (LanRun part in PartsOf(guest))
        {
            if (runs is [.., var last] && last.Host == part.Host)
            {
                runs[^1] = last with { LastMs = part.LastMs, Frames = last.Frames + part.Frames };
            }
            else
            {
                runs.Add(part);
            }
        }

        return runs;
    }

    /// <summary>The same, and a silence of 100 ms begins a new one.</summary>
    public IReadOnlyList<LanRun> PartsOf(LabGuest guest)
    {
        ArgumentNullException.ThrowIfNull(guest);
        lock (_gate)
        {
            return [.. _runs.Where(run => run.Mac == guest.Mac)];
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }

    private void Add(string? line)
    {
        if (line is null)
        {
            return;
        }

        LanRun run = LanRun.Parse(line);
        lock (_gate)
        {
            int last = _runs.FindLastIndex(known => known.Mac == run.Mac);
            if (last >= 0 && _runs[last].Host == run.Host && _runs[last].FirstMs == run.FirstMs)
            {
                _runs[last] = run;
            }
            else
            {
                _runs.Add(run);
            }
        }
    }
}
