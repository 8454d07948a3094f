// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.RegularExpressions;
using Hikae.Harness;
using Xunit;

namespace Hikae.Protocol.Tests;

/// <summary>The architecture page says which test shows what. Those tests exist.</summary>
public sealed partial class ArchitectureDocumentTests
{
    [Fact]
    public void Every_test_it_names_is_there()
    {
        string[] sources = [.. Directory
            .EnumerateFiles(Repository.PathOf("tests"), "*Tests.cs", SearchOption.AllDirectories)
            .Select(File.ReadAllText)];

        MatchCollection named = Named().Matches(Repository.Read("docs", "architecture.md"));

        Assert.NotEmpty(named);
        Assert.All(named, test => Assert.Contains(sources, source =>
            source.Contains($"class {test.Groups["class"]}", StringComparison.Ordinal)
            && source.Contains($" {test.Groups["method"]}(", StringComparison.Ordinal)));
    }

    [GeneratedRegex(@"`(?<class>\w+Tests)\.(?<method>\w+)`")]
    private static partial Regex Named();
}
