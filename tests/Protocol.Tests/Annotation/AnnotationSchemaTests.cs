// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Hikae.Harness;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Configuration;
using Xunit;

namespace Hikae.Protocol.Tests.Annotation;

/// <summary>The published schema and the parser say the same of every annotation.</summary>
public sealed class AnnotationSchemaTests
{
    private static readonly XNamespace RelaxNg = "http://relaxng.org/ns/structure/1.0";

    private static string Schema => Repository.PathOf("packaging", "schema", "hikae-protect.rng");

    public static TheoryData<bool, string> Cases => new()
    {
        { true, "<h:protect xmlns:h='urn:hikae:domain:1' backup='hostB'/>" },
        { true, "<protect xmlns='urn:hikae:domain:1' interval='50' outputs='unheld' backup='hostB:17000'/>" },
        { true, "<protect xmlns='urn:hikae:domain:1' backup='_h.example-1' outputs='held'>  \n </protect>" },
        { true, "<protect xmlns='urn:hikae:domain:1' xmlns:other='urn:x' backup='192.0.2.1:1'><!-- why --></protect>" },
        { true, "<protect xmlns='urn:hikae:domain:1' backup='h' interval='1'/>" },
        { true, "<protect xmlns='urn:hikae:domain:1' backup='h' interval='60000'/>" },
        { true, "<protect xmlns='urn:hikae:domain:1' backup='h:65535' interval='00059999'/>" },
        { true, "<protect xmlns='urn:hikae:domain:1' backup='h' priority='0'/>" },
        { true, "<protect xmlns='urn:hikae:domain:1' backup='h' priority='99'/>" },
        { true, "<protect xmlns='urn:hikae:domain:1' backup='h' priority='0100'/>" },
        { true, "<protect xmlns='urn:hikae:domain:1' backup='2001:db8::1'/>" },
        { true, "<protect xmlns='urn:hikae:domain:1' backup='[2001:db8::1]:17000'/>" },
        { true, "<protect xmlns='urn:hikae:domain:1' backup='[::]'/>" },
        { true, "<protect xmlns='urn:hikae:domain:1' backup='::ffff:192.0.2.1'/>" },
        { true, "<protect xmlns='urn:hikae:domain:1' backup='1:2:3:4:5:6:7:8'/>" },
        { true, "<protect xmlns='urn:hikae:domain:1' backup='[fe80::1%eth0]:5'/>" },
        { true, $"<protect xmlns='urn:hikae:domain:1' backup='{new string('h', HostAddress.MaxHostLength)}:65535'/>" },

        { false, "<protect xmlns='urn:hikae:domain:1'/>" },
        { false, "<protect backup='hostB'/>" },
        { false, "<protect xmlns='urn:hikae:domain:2' backup='hostB'/>" },
        { false, "<protekt xmlns='urn:hikae:domain:1' backup='hostB'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='hostB' backups='c'/>" },
        { false, "<h:protect xmlns:h='urn:hikae:domain:1' h:backup='hostB'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='hostB' xml:lang='en'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='hostB'>x</protect>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='hostB'><x/></protect>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='hostB'><protect backup='c'/></protect>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup=''/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup=' hostB'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='-hostB'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='.hostB'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='host/B'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='hóst'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='hostB:'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='hostB:0'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='hostB:65536'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='hostB:+5'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='[hostB]:5'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='[::1'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='[::1]5'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='[::1]:'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='1:2:3:4:5:6:7'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='1::2::3'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='12345::'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='1:2:3:4:5:6:7:8::'/>" },
        { false, $"<protect xmlns='urn:hikae:domain:1' backup='{new string('h', HostAddress.MaxHostLength + 1)}'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='h' outputs='Held'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='h' outputs=' held'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='h' outputs=''/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='h' interval='0'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='h' interval='60001'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='h' interval='100000'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='h' interval='-1'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='h' interval='1.5'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='h' interval=''/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='h' priority='101'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='h' priority='-1'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='h' priority='high'/>" },
        { false, "<protect xmlns='urn:hikae:domain:1' backup='h' priority=''/>" },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_parser_takes_it_or_not(bool accepted, string element) => Assert.Equal(
        accepted,
        ProtectAnnotation.TryParse($"<domain><metadata>{element}</metadata></domain>", out _, out _) == AnnotationOutcome.Valid);

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task So_does_a_validator_with_the_schema(bool accepted, string element)
    {
        Requires.Command("xmllint");
        using Process xmllint = Process.Start(new ProcessStartInfo("xmllint", ["--noout", "--relaxng", Schema, "-"])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
        })!;
        await xmllint.StandardInput.WriteAsync(element);
        xmllint.StandardInput.Close();
        string said = await xmllint.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await xmllint.WaitForExitAsync(TestContext.Current.CancellationToken);

        const int Invalid = 3;
        Assert.True(xmllint.ExitCode == (accepted ? 0 : Invalid), said);
    }

    [Fact]
    public void Every_attribute_of_the_schema_is_explained() => Assert.All(
        XDocument.Load(Schema).Descendants(RelaxNg + "attribute").Select(attribute => attribute.Attribute("name")!.Value),
        name => Assert.Contains($".TP\n.B {name}\n", Repository.Read("docs", "man", "hikae.7"), StringComparison.Ordinal));

    [Fact]
    public void Addresses_of_every_shape_are_told_apart_by_the_schemas_patterns_as_by_the_parser()
    {
        Regex[] patterns = [.. XDocument.Load(Schema).Descendants(RelaxNg + "define").Descendants(RelaxNg + "param")
            .Select(pattern => new Regex($"^(?:{pattern.Value})\\z", RegexOptions.ExplicitCapture))];
        string[] pieces = ["::", ":", "1", "abcd", "12345", "0", "192.0.2.1", "256.1.1.1", "01.2.3.4", "[", "]", "%1", ".", "-", "_", "h", "65535", "65536", "G"];
        var random = new Random(7);

        for (int i = 0; i < 100_000; i++)
        {
            string text = string.Concat(Enumerable.Range(0, random.Next(1, 18)).Select(_ => pieces[random.Next(pieces.Length)]));
            AssertSame(text);
        }

        // Addresses that are nearly right, which noise rarely is.
        for (int i = 0; i < 100_000; i++)
        {
            string text = string.Join(':', Enumerable.Range(0, random.Next(1, 10)).Select(_ => random.Next(8) == 0 ? "" : pieces[random.Next(2, 6)]));
            text = (random.Next(4) == 0 ? ":" : "") + text + (random.Next(4) == 0 ? ":192.0.2.1" : "") + (random.Next(6) == 0 ? "%1" : "");
            AssertSame(text);
            AssertSame($"[{text}]:5");
        }

        void AssertSame(string text) => Assert.True(
            HostAddress.TryParse(text, out _) == patterns.Any(pattern => pattern.IsMatch(text)), $"schema and parser differ about \"{text}\"");
    }
}
