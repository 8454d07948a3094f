// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.RegularExpressions;

namespace Hikae.Tools.Doctor;

/// <summary>Finds a version in what programs print about themselves.</summary>
internal static partial class VersionText
{
    /// <summary>The first N.N or N.N.N after <paramref name="label"/>; null when there is none.</summary>
    internal static Version? After(string label, string text)
    {
        int start = text.IndexOf(label, StringComparison.Ordinal);
        if (start < 0)
        {
            return null;
        }

        Match match = Number().Match(text, start + label.Length);
        return match.Success ? Version.Parse(match.Value) : null;
    }

    [GeneratedRegex(@"\d{1,6}\.\d{1,6}(\.\d{1,6})?")]
    private static partial Regex Number();
}
