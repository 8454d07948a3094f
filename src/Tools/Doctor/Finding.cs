// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Tools.Doctor;

/// <summary>One line of hikae doctor.</summary>
/// <param name="Subject">What was looked at.</param>
/// <param name="Verdict">How it is.</param>
/// <param name="Text">What was found.</param>
/// <param name="Remedy">How to mend it on this distribution; null when it is well.</param>
internal sealed record Finding(string Subject, Verdict Verdict, string Text, string? Remedy)
{
    internal static Finding Ok(string subject, string text) => new(subject, Verdict.Ok, text, null);

    internal static Finding Warn(string subject, string text, string remedy) => new(subject, Verdict.Warn, text, remedy);

    internal static Finding Fail(string subject, string text, string remedy) => new(subject, Verdict.Fail, text, remedy);
}
