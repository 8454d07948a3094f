// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Tools.Doctor;

namespace Hikae.Tools.Display;

/// <summary>hikae doctor for people: one line a finding, and below it how to mend it.</summary>
internal static class FindingList
{
    private const int VerdictWidth = 6;

    internal static void Write(IReadOnlyList<Finding> findings, TextWriter output)
    {
        int width = findings.Max(finding => finding.Subject.Length);
        foreach (Finding finding in findings)
        {
            output.WriteLine($"{Word(finding.Verdict).PadRight(VerdictWidth)}{finding.Subject.PadRight(width)}  {Printable.Line(finding.Text)}");
            if (finding.Remedy is not null)
            {
                output.WriteLine($"{new string(' ', VerdictWidth + width)}  → {Printable.Line(finding.Remedy)}");
            }
        }
    }

    private static string Word(Verdict verdict) => verdict switch
    {
        Verdict.Ok => "ok",
        Verdict.Warn => "warn",
        _ => "FAIL",
    };
}
