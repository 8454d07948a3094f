// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Harness.Labs;
using Hikae.Harness.Ledger;

namespace Hikae.Harness.Chaos;

/// <summary>Rounds of faults on two hosts while clients outside use the ledger of the guest that the hosts protect.</summary>
/// <remarks>
/// A round: faults happen as <see cref="ChaosPlan"/> says; then everything is made whole; then the guest must be protected again by itself. If it
/// runs nowhere, because it was not protected when its host failed, it is started from its disk as an administrator would, on the
/// host that owns it: it then has rebooted, and must remember every acknowledged operation all the same. Then the clients pause and the round
/// is judged.
/// </remarks>
public sealed class ChaosRun : IDisposable
{
    private static readonly TimeSpan LongestRecovery = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(250);

    // Longer than anything Hikae does by itself: detection, lease, a sidecar's next start.
    private static readonly TimeSpan RunsNowhereForGood = TimeSpan.FromSeconds(20);

    private readonly Lab _lab;
    private readonly ChaosOptions _options;
    private readonly LabGuest _guest;
    private readonly FaultInjector _faults;
    private readonly OwnershipWatch _ownership;
    private readonly LanWatch _lan;
    private readonly LedgerGuest _ledger;
    private readonly DoubleOwnerCount _doubles = new();
    private LabHost _primary;

    /// <summary>Starts the guest on the lab's first host, with the second as its backup, and its clients.</summary>
    public ChaosRun(Lab lab, ChaosOptions options)
    {
        ArgumentNullException.ThrowIfNull(lab);
        ArgumentNullException.ThrowIfNull(options);
        _lab = lab;
        _options = options;
        _primary = lab.HostA;
        _guest = lab.Guest("ledger", LedgerGuest.Options with
        {
            Protect = lab.HostB.Name,
            Outputs = options.Outputs,
            Disk = options.InMemory ? null : LedgerGuest.Options.Disk,
        });
        _faults = new FaultInjector(_guest);
        _ownership = new OwnershipWatch(_guest);
        _lan = lab.Watch();
        _guest.Start(_primary);
        _ledger = new LedgerGuest(_guest, clients: 4, options.Seed);
    }

    /// <summary>The guest.</summary>
    public LabGuest Guest => _guest;

    /// <summary>What was counted so far.</summary>
    public ChaosTotals Totals { get; } = new();

    /// <summary>All rounds, then the guest is stopped in order, and its file and file system are judged.</summary>
    public void Run()
    {
        _ledger.WaitForAnswers(5);
        _guest.WaitForProtected(_primary);
        _ownership.Look();
        _doubles.Begin(_lan.PartsOf(_guest));
        for (int round = _options.FirstRound; round < _options.FirstRound + _options.Rounds; round++)
        {
            Round(round);
            bool isLast = round == _options.FirstRound + _options.Rounds - 1;
            if (!_options.InMemory && (isLast || (round - _options.FirstRound + 1) % _options.RoundsBetweenDiskChecks == 0))
            {
                CheckDisk(round, startAgain: !isLast);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ledger.Dispose();
        _lan.Dispose();
    }

    private void Round(int round)
    {
        IReadOnlyList<Fault> plan = ChaosPlan.Round(_options.Seed, round);
        int owners = _ownership.Owners.Count;
        int broken = _ledger.Workload.BrokenConnections;
        int restarts = Totals.Restarts;
        int findings = Totals.Findings.Count;
        long started = Stopwatch.GetTimestamp();
        LabHost backup = _lab.Hosts.Single(host => host != _primary);
        _options.Say($"round {round}: {string.Join(", ", plan)} (primary {_primary.Name})");
        _ledger.WaitForAnswers(3);
        _faults.Run(plan, _primary, backup, _options.Say);
        _ownership.Look();
        _faults.RestoreAll();
        _primary = WaitUntilProtected(round);
        Totals.Rounds++;
        Totals.Failovers += _ownership.Owners.Count - owners;
        Totals.Note(round, _ledger.Judge());
        Totals.Operations = _ledger.Workload.History.Count;
        Totals.BrokenConnections = _ledger.Workload.BrokenConnections;
        JudgeOwners(round);
        if (_ownership.Owners.Count > owners && !_options.InMemory)
        {
            NoteFilesystem(round, _ledger.FilesystemFaultOfCopy(_primary));
            _primary = WaitUntilProtected(round);
        }

        _options.Say(
            $"  {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s, runs on {_primary.Name}: {_ownership.Owners.Count - owners} failovers, "
            + $"{Totals.Restarts - restarts} restarts, {_ledger.Workload.BrokenConnections - broken} broken connections, {Totals.Findings.Count} findings so far");
        // At once: a run of an hour may be interrupted before its report.
        foreach (string finding in Totals.Findings.Skip(findings))
        {
            _options.Say($"  found: {finding}");
        }
    }

    private LabHost WaitUntilProtected(int round)
    {
        long started = Stopwatch.GetTimestamp();
        long seenRunning = started;
        (LabHost? Host, ulong Epoch) last = (null, 0);
        while (true)
        {
            _ownership.Look();
            // A host that was thawed a moment ago may say so without knowing yet that it lost the guest; its replica does not follow.
            LabHost? owner = _lab.Hosts.SingleOrDefault(host => host.Name == _ownership.Owner);
            if (owner is not null && _guest.ReportOn(owner) is { Stale: false, Role: "primary", State: "protected" } report)
            {
                if (last.Host == owner && report.Epoch > last.Epoch)
                {
                    return owner;
                }

                last = last.Host == owner ? last : (owner, report.Epoch);
            }
            else
            {
                last = (null, 0);
            }

            foreach (LabHost host in _lab.Hosts)
            {
                if (_guest.ReportOn(host) is { Role: "backup", State: "recovering", Reason: var reason } && reason.Contains(_guest.StatusFile, StringComparison.Ordinal))
                {
                    _options.Say($"  what {host.Name} asks for is done: {reason}");
                    _guest.EndHalfStartedOn(host);
                }
            }

            if (_lab.Hosts.Any(host => _guest.StateOn(host) is "running" or "paused"))
            {
                seenRunning = Stopwatch.GetTimestamp();
            }
            else if (Stopwatch.GetElapsedTime(seenRunning) > RunsNowhereForGood)
            {
                StartFromDisk(round);
                seenRunning = Stopwatch.GetTimestamp();
            }

            if (Stopwatch.GetElapsedTime(started) > LongestRecovery)
            {
                throw new LabException($"seed {_options.Seed}, round {round}: not protected again within {LongestRecovery.TotalSeconds} s\n{_lab.Logs()}");
            }

            Thread.Sleep(Poll);
        }
    }

    private void StartFromDisk(int round)
    {
        if (_options.InMemory)
        {
            throw new LabException($"seed {_options.Seed}, round {round}: the guest runs nowhere, and had no disk to remember anything\n{_lab.Logs()}");
        }

        LabHost host = _lab.Hosts.SingleOrDefault(host => host.Name == _ownership.Owner) ?? _lab.HostA;
        string reasons = string.Join("; ", _lab.Hosts.Select(each => $"{each.Name} says {_guest.ReportOn(each)?.Reason ?? "nothing"}"));
        _options.Say($"  runs nowhere ({reasons}): started from its disk on {host.Name}");
        Totals.Restarts++;
        CommandResult started = host.TryRun("virsh", "-q", "start", _guest.Name);
        if (!started.Succeeded)
        {
            Totals.Note(round, $"cannot be started: {started}");
        }
    }

    private void JudgeOwners(int round)
    {
        // In this order: what was heard by now was claimed by now.
        IReadOnlyList<LanRun> heard = _lan.PartsOf(_guest);
        _ownership.Look();
        foreach (string finding in _doubles.Judge(heard, _ownership.Owners))
        {
            Totals.DoubleOwnerMoments++;
            Totals.Note(round, finding);
        }

        if (_lab.Hosts.Count(host => _guest.StateOn(host) is "running") > 1)
        {
            Totals.DoubleOwnerMoments++;
            Totals.Note(round, "the guest runs on both hosts");
        }
    }

    private void CheckDisk(int round, bool startAgain)
    {
        _options.Say("  stopping the guest in order to check its disk");
        if (startAgain)
        {
            _ledger.Halt(_primary);
        }
        else
        {
            _ledger.StopInOrder(_primary);
            Totals.Note(round, _ledger.JudgeFile());
        }

        NoteFilesystem(round, _ledger.FilesystemFault());

        if (startAgain)
        {
            _primary.Virsh("start", _guest.Name);
            _primary = WaitUntilProtected(round);
            _ledger.WaitForAnswers(1);
        }
    }

    private void NoteFilesystem(int round, string? fault)
    {
        if (fault is not null)
        {
            Totals.DirtyFilesystems++;
            Totals.Note(round, $"e2fsck: {fault}");
        }
    }
}
