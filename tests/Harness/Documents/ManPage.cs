// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.RegularExpressions;

namespace Hikae.Harness.Documents;

/// <summary>A man page of the tree, as far as tests ask what it describes.</summary>
public sealed class ManPage
{
    private readonly string _text;

    private ManPage(string text) => _text = text;

    /// <param name="name">For instance hikae.8.</param>
    public static ManPage Read(string name) => new(Repository.Read("docs", "man", name).Replace("\\-", "-", StringComparison.Ordinal));

    /// <summary>The part under one heading, up to the next of its kind or above.</summary>
    /// <param name="heading">As it is shown, for instance OPTIONS.</param>
    /// <returns>Empty when there is no such heading.</returns>
    public ManPage Section(string heading)
    {
        Match start = Regex.Match(_text, $"^\\.(?<kind>SH|SS) \"?{Regex.Escape(heading)}\"?\n", RegexOptions.Multiline);
        if (!start.Success)
        {
            return new ManPage("");
        }

        string rest = _text[(start.Index + start.Length)..];
        Match end = Regex.Match(rest, start.Groups["kind"].Value == "SH" ? "^\\.SH " : "^\\.S[HS] ", RegexOptions.Multiline);
        return new ManPage(end.Success ? rest[..end.Index] : rest);
    }

    /// <summary>Whether a tagged paragraph of its own, perhaps together with others, explains the word.</summary>
    public bool Explains(string word) => Regex.IsMatch(_text, $"^\\.TP\n\\.[BI]\\w* (?:.*[ \"])?{Regex.Escape(word)}(?=[ \"=]|$)", RegexOptions.Multiline);

    /// <summary>Whether the word stands anywhere.</summary>
    public bool Mentions(string word) => Regex.IsMatch(_text, $@"(?<![\w-]){Regex.Escape(word)}(?![\w-])");
}
