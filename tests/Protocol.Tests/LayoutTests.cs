// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Hikae.Harness;
using Xunit;

namespace Hikae.Protocol.Tests;

/// <summary>The rules of the tree that no compiler checks.</summary>
public sealed partial class LayoutTests
{
    [Theory]
    [InlineData("Guest", "Native Protocol")]
    [InlineData("Hooks", "")]
    [InlineData("Host", "Native Protocol")]
    [InlineData("Native", "")]
    [InlineData("Protocol", "")]
    [InlineData("Sidecar", "Native Protocol")]
    [InlineData("Tools", "Protocol")]
    public void A_program_refers_to_these_projects_and_no_others(string folder, string references)
    {
        string file = Assert.Single(Directory.GetFiles(Repository.PathOf("src", folder), "*.csproj"));

        IEnumerable<string> found = XDocument.Load(file).Descendants("ProjectReference")
            .Select(reference => Path.GetFileName(Path.GetDirectoryName((string?)reference.Attribute("Include")))!)
            .Order();

        Assert.Equal(references, string.Join(' ', found));
    }

    [Fact]
    public void The_table_above_knows_every_project()
    {
        IEnumerable<string?> folders = Directory
            .GetFiles(Repository.PathOf("src"), "*.csproj", SearchOption.AllDirectories)
            .Select(file => Path.GetFileName(Path.GetDirectoryName(file)))
            .Order();

        Assert.Equal(["Guest", "Hooks", "Host", "Native", "Protocol", "Sidecar", "Tools"], folders);
    }

    [Fact]
    public void Hook_and_guest_agent_need_no_package() =>
        Assert.All(["Guest", "Hooks"], folder => Assert.Empty(
            XDocument.Load(Directory.GetFiles(Repository.PathOf("src", folder), "*.csproj").Single()).Descendants("PackageReference")));

    [Fact]
    public void Only_Native_calls_out_of_managed_code()
    {
        IEnumerable<string> callers = Sources("src").Where(file => NativeCall().IsMatch(File.ReadAllText(file)));

        Assert.All(callers, file => Assert.StartsWith(Repository.PathOf("src", "Native") + "/", file, StringComparison.Ordinal));
    }

    [Fact]
    public void Only_what_is_shown_to_people_and_certificates_know_the_time_of_day()
    {
        string[] askers = [.. Sources("src").Where(file => TimeOfDay().IsMatch(File.ReadAllText(file))).Select(file => Path.GetRelativePath(Repository.PathOf("src"), file)).Order(StringComparer.Ordinal)];

        // Those of the sidecar put it into the status, one of them to compare it with the times in QEMU's events.
        Assert.Equal(["Sidecar/Epoch/PauseTimings.cs", "Sidecar/Program.cs", "Sidecar/StatusBoard.cs", "Tools/Doctor/CertificateCheck.cs", "Tools/Doctor/HookCheck.cs"], askers);
    }

    [Fact]
    public void Every_source_file_says_its_licence_first() =>
        Assert.All(Sources("src").Concat(Sources("tests")).Concat(Sources("bench")), file =>
            Assert.StartsWith("// SPDX-License-Identifier: LGPL-2.1-or-later\n", File.ReadAllText(file), StringComparison.Ordinal));

    [Fact]
    public void No_source_file_outgrows_one_concern()
    {
        IEnumerable<string> tooLong =
            from file in Sources("src")
            let lines = File.ReadLines(file).Count()
            where lines > 400
            select $"{Path.GetRelativePath(Repository.Root, file)} has {lines} lines";

        Assert.Equal("", string.Join('\n', tooLong));
    }

    private static IEnumerable<string> Sources(string folder) => !Directory.Exists(Repository.PathOf(folder))
        ? []
        : Directory
            .EnumerateFiles(Repository.PathOf(folder), "*.cs", SearchOption.AllDirectories)
            .Where(file => !BuildOutput().IsMatch(file));

    [GeneratedRegex(@"UtcNow|LocalNow|DateTime(Offset)?\.(Now|Today)|CLOCK_REALTIME|gettimeofday|Last(Write|Access)Time|CreationTime")]
    private static partial Regex TimeOfDay();

    [GeneratedRegex(@"\[\s*(LibraryImport|DllImport)\s*\(|\bNativeLibrary\.")]
    private static partial Regex NativeCall();

    [GeneratedRegex(@"^\s*(?:(?:public|internal|private|protected|file|static|sealed|abstract|readonly|ref|partial|unsafe)\s+)*(?:class|struct|interface|enum|record(?:\s+(?:struct|class))?)\s+(?<name>\w+)", RegexOptions.Multiline)]
    private static partial Regex TypeName();

    // A word ends where the next capital begins. "Base" is refused at the end only: a BaseAddress is an address.
    [GeneratedRegex(@"(?:Manager|Helper|Util|Utils|Utilities|Utility|Helpers|Managers|Impl|Master|Slave|Secondary|Standby|Takeover)(?![a-z])|Base$")]
    private static partial Regex RefusedWord();

    [GeneratedRegex("/(obj|bin)/")]
    private static partial Regex BuildOutput();
}
