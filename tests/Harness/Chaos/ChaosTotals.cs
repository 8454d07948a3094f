// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Ledger.Checking;

namespace Hikae.Harness.Chaos;

/// <summary>What a chaos run counted. All but the first four must be 0.</summary>
public sealed class ChaosTotals
{
    /// <summary>Rounds that were run.</summary>
    public int Rounds { get; internal set; }

    /// <summary>How often another host became the guest's owner.</summary>
    public int Failovers { get; internal set; }

    /// <summary>How often the guest ran nowhere after a round, because it was not protected when its host failed, and was started from its disk.</summary>
    public int Restarts { get; internal set; }

    /// <summary>Operations that clients were answered.</summary>
    public int Operations { get; internal set; }

    /// <summary>Connections of clients that broke. After a failover none should; after a restart all do.</summary>
    public int BrokenConnections { get; internal set; }

    /// <summary>Acknowledged entries that are not there.</summary>
    public int LostOperations { get; internal set; }

    /// <summary>Entries that are there twice.</summary>
    public int DuplicateOperations { get; internal set; }

    /// <summary>Everything else the checker found.</summary>
    public int OtherViolations { get; internal set; }

    /// <summary>How often a host was heard, or ran the guest, that was not its owner any more.</summary>
    public int DoubleOwnerMoments { get; internal set; }

    /// <summary>How often e2fsck found something after a failover, or after the guest was stopped in order.</summary>
    public int DirtyFilesystems { get; internal set; }

    /// <summary>In words, each with its round.</summary>
    public IReadOnlyList<string> Findings => _findings;

    private readonly List<string> _findings = [];

    internal void Note(int round, string finding) => _findings.Add($"round {round}: {finding}");

    internal void Note(int round, IReadOnlyList<Violation> violations)
    {
        foreach (Violation violation in violations)
        {
            Note(round, violation.ToString());
        }

        LostOperations += violations.Count(violation => violation.Kind == ViolationKind.Lost);
        DuplicateOperations += violations.Count(violation => violation.Kind == ViolationKind.Duplicate);
        OtherViolations += violations.Count(violation => violation.Kind is not (ViolationKind.Lost or ViolationKind.Duplicate));
    }
}
