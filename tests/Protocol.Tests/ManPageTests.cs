// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Hikae.Harness;
using Xunit;

namespace Hikae.Protocol.Tests;

/// <summary>Whoever starts a program finds it, and each of its options, in a man page.</summary>
public sealed partial class ManPageTests
{
    public static TheoryData<string, string> Programs
    {
        get
        {
            var programs = new TheoryData<string, string>();
            foreach (string project in Directory.GetFiles(Repository.PathOf("src"), "*.csproj", SearchOption.AllDirectories))
            {
                XDocument xml = XDocument.Load(project);
                if ((string?)xml.Descendants("OutputType").SingleOrDefault() == "Exe")
                {
                    string folder = Path.GetFileName(Path.GetDirectoryName(project))!;
                    programs.Add(folder, (string?)xml.Descendants("AssemblyName").SingleOrDefault() ?? folder);
                }
            }
            return programs;
        }
    }

    public static TheoryData<string> Pages => [.. Directory.GetFiles(Repository.PathOf("docs", "man")).Select(path => Path.GetFileName(path))];

    [Fact]
    public void The_five_programs_are_found() =>
        Assert.Equal(["hikae", "hikae-guest", "hikae-hook", "hikae-sidecar", "hikaed"], Programs.Select(row => row.Data.Item2).Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Programs))]
    public void A_program_has_a_page_and_the_overview_names_it(string folder, string program)
    {
        Assert.True(File.Exists(Repository.PathOf("docs", "man", $"{program}.8")), $"{program}.8 is missing, for src/{folder}");
        Assert.Contains($".BR {program} (8)", Page("hikae.7"), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public void Every_option_of_a_program_is_in_its_page(string folder, string program)
    {
        string page = Page($"{program}.8");
        IEnumerable<string> options = Directory
            .EnumerateFiles(Repository.PathOf("src", folder), "*.cs", SearchOption.AllDirectories)
            .Where(file => !BuildOutput().IsMatch(file))
            .SelectMany(file => OptionOf(folder).Matches(File.ReadAllText(file)))
            .Select(match => match.Groups["name"].Value)
            .Distinct();

        Assert.All(options, option => Assert.Matches($@"(?<![\w-]){option}(?![\w-])", page));
    }

    [Theory]
    [InlineData("Sidecar", """new Option<string>("--run-dir") { }""", "--run-dir")]
    [InlineData("Guest", """case ["--version"]:""", "--version")]
    public void The_patterns_below_find_an_option(string folder, string source, string option) =>
        Assert.Equal(option, OptionOf(folder).Match(source).Groups["name"].Value);

    [Theory]
    [MemberData(nameof(Pages))]
    public void A_page_is_formatted_without_a_warning(string page)
    {
        Requires.Command("groff");
        using Process groff = Process.Start(new ProcessStartInfo("groff", ["-ww", "-mandoc", "-Tutf8", "-z", Repository.PathOf("docs", "man", page)])
        {
            RedirectStandardError = true,
        })!;

        string warnings = groff.StandardError.ReadToEnd();
        groff.WaitForExit();

        Assert.Equal("", warnings);
        Assert.Equal(0, groff.ExitCode);
    }

    [Fact]
    public void A_page_refers_only_to_pages_that_exist()
    {
        IEnumerable<string> missing = Directory.GetFiles(Repository.PathOf("docs", "man"))
            .SelectMany(path => Reference().Matches(Page(Path.GetFileName(path))))
            .Select(match => $"{match.Groups["name"].Value}.{match.Groups["section"].Value}")
            .Where(name => !File.Exists(Repository.PathOf("docs", "man", name)))
            .Distinct();

        Assert.Empty(missing);
    }

    /// <summary>A page as a reader sees its words: with plain hyphens, and mdoc's "Fl -x" as "--x".</summary>
    private static string Page(string name) => MdocFlag().Replace(
        Repository.Read("docs", "man", name).Replace("\\-", "-", StringComparison.Ordinal), "--${name}");

    // The guest agent needs no package, so it reads its command line by hand: there every string that looks like an option is one.
    private static Regex OptionOf(string folder) => folder is "Guest" ? WrittenOut() : SystemCommandLine();

    [GeneratedRegex(@"new Option<[^(]*>\(\s*""(?<name>--[a-z][a-z-]*)""")]
    private static partial Regex SystemCommandLine();

    [GeneratedRegex(@"""(?<name>--[a-z][a-z-]*)""")]
    private static partial Regex WrittenOut();

    [GeneratedRegex(@"(?<=Fl |, |\| )-(?<name>[a-z][a-z-]*)")]
    private static partial Regex MdocFlag();

    [GeneratedRegex(@"^\.(?:BR|Xr) (?<name>hikae[a-z.-]*) \(?(?<section>\d)\)?", RegexOptions.Multiline)]
    private static partial Regex Reference();

    [GeneratedRegex("/(obj|bin)/")]
    private static partial Regex BuildOutput();
}
