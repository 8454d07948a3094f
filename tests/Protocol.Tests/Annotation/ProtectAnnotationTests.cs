// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Configuration;
using Xunit;

namespace Hikae.Protocol.Tests.Annotation;

public sealed class ProtectAnnotationTests
{
    private const string Full =
        "<hikae:protect xmlns:hikae=\"urn:hikae:domain:1\" backup=\"hostB:17000\" outputs=\"unheld\" interval=\"50\"/>";

    [Fact]
    public void Every_attribute_is_read()
    {
        AnnotationOutcome outcome = ProtectAnnotation.TryParse(Domain(Full), out ProtectAnnotation? annotation, out string? reason);

        Assert.Equal(AnnotationOutcome.Valid, outcome);
        Assert.Equal(
            new ProtectAnnotation(new HostAddress("hostB", 17000), GuestOutputs.Unheld, TimeSpan.FromMilliseconds(50)), annotation);
        Assert.Null(reason);
    }

    [Theory]
    [InlineData("<p:protect xmlns:p=\"urn:hikae:domain:1\" backup='b'/>")]
    [InlineData("<protect xmlns=\"urn:hikae:domain:1\" backup='b' outputs='held'>  </protect>")]
    [InlineData("<x xmlns='urn:x'><protect xmlns=\"urn:hikae:domain:1\" backup='c'/></x><protect xmlns=\"urn:hikae:domain:1\" backup='b'/>")]
    public void Only_namespace_and_place_count(string metadata)
    {
        AnnotationOutcome outcome = ProtectAnnotation.TryParse(Domain(metadata), out ProtectAnnotation? annotation, out _);

        Assert.Equal(AnnotationOutcome.Valid, outcome);
        Assert.Equal(new ProtectAnnotation(new HostAddress("b", null)), annotation);
    }

    [Theory]
    [InlineData("<domain/>")]
    [InlineData("<domain><metadata/></domain>")]
    [InlineData("<domain><metadata><protect backup='b'/></metadata></domain>")]
    [InlineData("<domain><description>urn:hikae:domain:1</description></domain>")]
    [InlineData("<domain><devices><protect xmlns='urn:hikae:domain:1' backup='b'/></devices></domain>")]
    [InlineData("<domain><metadata><s:status xmlns:s='urn:hikae:status:1'/></metadata></domain>")]
    public void A_domain_without_the_element_is_none_of_our_business(string xml)
    {
        AnnotationOutcome outcome = ProtectAnnotation.TryParse(xml, out ProtectAnnotation? annotation, out string? reason);

        Assert.Equal(AnnotationOutcome.None, outcome);
        Assert.Null(annotation);
        Assert.Null(reason);
    }

    [Theory]
    [InlineData("<p:protect xmlns:p='urn:hikae:domain:1'/>", "backup is missing")]
    [InlineData("<p:protect xmlns:p='urn:hikae:domain:1' backup=''/>", "backup=\"\" is no host")]
    [InlineData("<p:protect xmlns:p='urn:hikae:domain:1' backup='a b'/>", "backup=\"a b\" is no host")]
    [InlineData("<p:protect xmlns:p='urn:hikae:domain:1' backup='b' backups='c'/>", "unknown attribute \"backups\"")]
    [InlineData("<p:protect xmlns:p='urn:hikae:domain:1' backup='b' p:outputs='held'/>", "unknown attribute \"p:outputs\"")]
    [InlineData("<p:protect xmlns:p='urn:hikae:domain:1' backup='b' outputs='Held'/>", "use held or unheld")]
    [InlineData("<p:protect xmlns:p='urn:hikae:domain:1' backup='b' interval='0'/>", "from 1 to 60000")]
    [InlineData("<p:protect xmlns:p='urn:hikae:domain:1' backup='b' interval='60001'/>", "from 1 to 60000")]
    [InlineData("<p:protect xmlns:p='urn:hikae:domain:1' backup='b' priority='101'/>", "priority=\"101\" is no number from 0 to 100")]
    [InlineData("<p:protect xmlns:p='urn:hikae:domain:1' backup='b'><x/></p:protect>", "must be empty")]
    [InlineData("<p:protect xmlns:p='urn:hikae:domain:1' backup='b'>x</p:protect>", "must be empty")]
    [InlineData("<p:protekt xmlns:p='urn:hikae:domain:1' backup='b'/>", "unknown element \"protekt\"")]
    [InlineData("<p:protect xmlns:p='urn:hikae:domain:1' backup='b'/><p:protect xmlns:p='urn:hikae:domain:1' backup='c'/>", "more than one")]
    [InlineData("<p:protect xmlns:p='urn:hikae:domain:1' backup='b'", "cannot be read")]
    public void A_wish_that_cannot_be_followed_gives_a_reason(string metadata, string sentence)
    {
        AnnotationOutcome outcome = ProtectAnnotation.TryParse(Domain(metadata), out ProtectAnnotation? annotation, out string? reason);

        Assert.Equal(AnnotationOutcome.Malformed, outcome);
        Assert.Null(annotation);
        Assert.Contains(sentence, reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<!DOCTYPE domain [<!ENTITY a \"b\">]><domain/>")]
    [InlineData("<domainsnapshot/>")]
    [InlineData("")]
    public void A_document_that_is_no_domain_is_malformed(string xml) =>
        Assert.Equal(AnnotationOutcome.Malformed, ProtectAnnotation.TryParse(xml, out _, out _));

    [Fact]
    public void XML_over_the_limit_is_refused()
    {
        string atLimit = "<domain/>".PadRight(DomainMetadata.MaxXmlLength);

        Assert.Equal(AnnotationOutcome.None, ProtectAnnotation.TryParse(atLimit, out _, out _));
        Assert.Equal(AnnotationOutcome.Malformed, ProtectAnnotation.TryParse(atLimit + " ", out _, out _));
    }

    [Fact]
    public void A_hostile_value_is_repeated_as_one_short_line()
    {
        string metadata = $"<p:protect xmlns:p='urn:hikae:domain:1' backup='&#10;{new string('x', 500)}'/>";

        ProtectAnnotation.TryParse(Domain(metadata), out _, out string? reason);

        Assert.NotNull(reason);
        Assert.DoesNotContain('\n', reason);
        Assert.True(reason.Length < 200);
    }

    [Fact]
    public void Every_cut_of_a_domain_is_malformed_and_never_a_crash()
    {
        string xml = Domain(Full);

        Assert.All(Enumerable.Range(0, xml.Length - 1), length =>
            Assert.Equal(AnnotationOutcome.Malformed, ProtectAnnotation.TryParse(xml.AsSpan(0, length), out _, out _)));
    }

    [Fact]
    public void What_is_written_reads_back_the_same()
    {
        var annotation = new ProtectAnnotation(new HostAddress("2001:db8::1", 5), GuestOutputs.Unheld, TimeSpan.FromMilliseconds(7), Priority: 99);

        ProtectAnnotation.TryParse(Domain(annotation.ToXml()), out ProtectAnnotation? again, out _);

        Assert.Equal(annotation, again);
        Assert.Equal("<protect backup=\"[2001:db8::1]:5\" outputs=\"unheld\" interval=\"7\" priority=\"99\" />", annotation.ToMetadataXml());
    }

    [Fact]
    public void A_guest_that_names_no_priority_has_the_middle_one_and_says_nothing_of_it()
    {
        ProtectAnnotation.TryParse(Domain("<p:protect xmlns:p='urn:hikae:domain:1' backup='b'/>"), out ProtectAnnotation? annotation, out _);

        Assert.Equal(50, annotation!.Priority);
        Assert.DoesNotContain("priority", annotation.ToXml(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_new_priority_alone_is_no_other_wish()
    {
        var annotation = new ProtectAnnotation(new HostAddress("b", null), GuestOutputs.Unheld, TimeSpan.FromMilliseconds(7));

        Assert.False((annotation with { Priority = 1 }).DiffersBeyondPriority(annotation));
        Assert.True((annotation with { Priority = 1, Outputs = GuestOutputs.Held }).DiffersBeyondPriority(annotation));
        Assert.True(annotation.DiffersBeyondPriority(null));
    }

    [Fact]
    public void Another_backup_changes_nothing_else()
    {
        ProtectAnnotation.TryParse(Domain(Full), out ProtectAnnotation? annotation, out _);

        ProtectAnnotation swapped = annotation!.WithBackup(new HostAddress("hostA", null));

        Assert.Equal(new ProtectAnnotation(new HostAddress("hostA", null), annotation.Outputs, annotation.Interval), swapped);
    }

    [Fact]
    public void The_incoming_marker_is_found_only_in_its_place()
    {
        Assert.True(IncomingMarker.IsIn(Domain(IncomingMarker.Xml)));
        Assert.Equal(AnnotationOutcome.None, ProtectAnnotation.TryParse(Domain(IncomingMarker.Xml), out _, out _));
        Assert.False(IncomingMarker.IsIn(Domain(Full)));
        Assert.False(IncomingMarker.IsIn($"<domain><devices>{IncomingMarker.Xml}</devices></domain>"));
        Assert.False(IncomingMarker.IsIn("<domain><metadata>"));
    }

    private static string Domain(string metadata) =>
        $"<domain type='qemu' id='3'>\n  <name>web</name>\n  <metadata>\n    {metadata}\n  </metadata>\n  <devices><disk><source/></disk></devices>\n</domain>";
}
