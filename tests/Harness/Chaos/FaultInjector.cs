// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Harness.Labs;

namespace Hikae.Harness.Chaos;

/// <summary>Makes faults happen, and undoes them.</summary>
internal sealed class FaultInjector(LabGuest guest)
{
    private readonly HashSet<LabHost> _frozen = [];
    private readonly List<(LabHost Host, FaultKind Kind, string Pid)> _stopped = [];

    /// <summary>Lets the faults of a round happen at their times, and what has a duration end. Power stays off.</summary>
    public void Run(IReadOnlyList<Fault> faults, LabHost primary, LabHost backup, Action<string> say)
    {
        long started = Stopwatch.GetTimestamp();
        IEnumerable<(int AtMs, string What, Action Do)> timeline = faults
            .SelectMany(fault =>
            {
                LabHost host = fault.OnPrimary ? primary : backup;
                (int, string, Action) begin = (fault.AfterMs, $"{fault.Kind} {host.Name}", () => Begin(fault.Kind, host));
                return fault.ForMs == 0
                    ? [begin]
                    : new (int, string, Action)[] { begin, (fault.AfterMs + fault.ForMs, $"end of {fault.Kind} {host.Name}", () => End(fault.Kind, host)) };
            })
            .OrderBy(step => step.Item1);
        foreach ((int atMs, string what, Action act) in timeline)
        {
            TimeSpan wait = TimeSpan.FromMilliseconds(atMs) - Stopwatch.GetElapsedTime(started);
            if (wait > TimeSpan.Zero)
            {
                Thread.Sleep(wait);
            }

            say($"  {Stopwatch.GetElapsedTime(started).TotalMilliseconds:0} ms: {what}");
            act();
        }
    }

    /// <summary>Everything on, thawed and plugged in again, hikaed running.</summary>
    public void RestoreAll()
    {
        foreach (LabHost host in guest.Lab.Hosts)
        {
            if (host.IsRunning)
            {
                _frozen.Remove(host);
            }

            Continue(host, _ => true);
            host.MakeWhole();
        }
    }

    private void Begin(FaultKind kind, LabHost host)
    {
        // What is off cannot fail again; a program of a host that stands still cannot be started again.
        if (!host.IsRunning || (_frozen.Contains(host) && kind is FaultKind.Freeze or FaultKind.KillDaemon or FaultKind.KillLibvirtd))
        {
            return;
        }

        switch (kind)
        {
            case FaultKind.PowerCut:
                host.Kill();
                _frozen.Remove(host);
                _stopped.RemoveAll(stopped => stopped.Host == host);
                break;
            case FaultKind.CutReplication:
                host.Cut("repl");
                break;
            case FaultKind.CutLan:
                host.Cut("lan");
                break;
            case FaultKind.CutBoth:
                host.Cut("repl");
                host.Cut("lan");
                break;
            case FaultKind.Freeze:
                host.Freeze();
                _frozen.Add(host);
                break;
            case FaultKind.KillSidecar:
                if (guest.SidecarOn(host) is { } sidecar)
                {
                    host.TryRun("kill", "-KILL", $"{sidecar}");
                }

                break;
            case FaultKind.KillDaemon:
                host.RestartHikaed();
                break;
            case FaultKind.KillLibvirtd:
                host.RestartLibvirtd();
                break;
            case FaultKind.FreezeSidecar:
                Stop(kind, host, guest.SidecarOn(host) is { } pid ? $"{pid}" : "");
                break;
            case FaultKind.FreezeDaemon:
                Stop(kind, host, host.TryRun("cat", "/run/hikaed.pid").Output);
                break;
            case FaultKind.FreezeLibvirtd:
                Stop(kind, host, host.TryRun("cat", "/run/libvirtd.pid").Output);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(kind));
        }
    }

    private void End(FaultKind kind, LabHost host)
    {
        if (!host.IsRunning)
        {
            return;
        }

        if (kind == FaultKind.Freeze)
        {
            host.Thaw();
            _frozen.Remove(host);
            return;
        }

        Continue(host, stopped => stopped == kind);

        if (kind is FaultKind.CutReplication or FaultKind.CutBoth)
        {
            host.Restore("repl");
        }

        if (kind is FaultKind.CutLan or FaultKind.CutBoth)
        {
            host.Restore("lan");
        }
    }

    private void Stop(FaultKind kind, LabHost host, string pid)
    {
        if (pid.Length > 0 && host.TryRun("kill", "-STOP", pid).Succeeded)
        {
            _stopped.Add((host, kind, pid));
        }
    }

    // Some were killed meanwhile.
    private void Continue(LabHost host, Func<FaultKind, bool> isMeant)
    {
        foreach ((LabHost _, FaultKind _, string pid) in _stopped.Where(stopped => stopped.Host == host && isMeant(stopped.Kind)))
        {
            host.TryRun("kill", "-CONT", pid);
        }

        _stopped.RemoveAll(stopped => stopped.Host == host && isMeant(stopped.Kind));
    }
}
