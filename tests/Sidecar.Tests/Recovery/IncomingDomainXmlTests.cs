// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Xml.Linq;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Recovery;
using Xunit;

namespace Hikae.Sidecar.Tests.Recovery;

public sealed class IncomingDomainXmlTests
{
    private const string Live = """
        <domain type='kvm' id='7'>
          <name>web &amp; db</name>
          <uuid>11111111-2222-3333-4444-555555555555</uuid>
          <metadata>
            <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0"><libosinfo:os id="http://debian.org/debian/12"/></libosinfo:libosinfo>
            <hikae:protect xmlns:hikae="urn:hikae:domain:1" backup="hostB" interval="50"/>
            <hikae:status xmlns:hikae="urn:hikae:status:1" state="protected"/>
          </metadata>
          <memory unit='KiB'>1048576</memory>
          <os><type arch='x86_64' machine='pc-q35-10.0'>hvm</type></os>
          <devices>
            <disk type='file' device='disk'><source file='/srv/shared/web.qcow2'/><target dev='vda' bus='virtio'/></disk>
          </devices>
        </domain>
        """;

    private static readonly XNamespace Qemu = "http://libvirt.org/schemas/domain/qemu/1.0";

    [Fact]
    public void The_incoming_domain_waits_for_a_stream_and_carries_the_marker()
    {
        string xml = IncomingDomainXml.Parse(Live).ForIncoming();

        Assert.True(IncomingMarker.IsIn(xml));
        Assert.Equal(["-incoming", "defer"], Arguments(xml));
        Assert.DoesNotContain("urn:hikae:domain:1", xml, StringComparison.Ordinal);
        Assert.DoesNotContain("urn:hikae:status:1", xml, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_ours_stays()
    {
        XElement root = XElement.Parse(IncomingDomainXml.Parse(Live).ForIncoming());

        Assert.Contains("libosinfo", root.Element("metadata")!.ToString(), StringComparison.Ordinal);
        Assert.Equal("web & db", (string?)root.Element("name"));
        Assert.Equal("/srv/shared/web.qcow2", (string?)root.Descendants("source").Single().Attribute("file"));
    }

    [Fact]
    public void A_command_line_of_the_user_is_kept_in_front()
    {
        string xml = Live.Replace("</domain>", """
            <qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:arg value='-cpu'/><qemu:arg value='max'/><qemu:env name='A' value='b'/></qemu:commandline></domain>
            """, StringComparison.Ordinal);

        string incoming = IncomingDomainXml.Parse(xml).ForIncoming();

        Assert.Equal(["-cpu", "max", "-incoming", "defer"], Arguments(incoming));
        Assert.Single(XElement.Parse(incoming).Elements(Qemu + "commandline"));
    }

    [Fact]
    public void A_guest_that_was_failed_over_can_be_again()
    {
        string afterFailover = IncomingDomainXml.Parse(Live).ForIncoming();

        IncomingDomainXml again = IncomingDomainXml.Parse(afterFailover);

        Assert.Equal(["-incoming", "defer"], Arguments(again.ForIncoming()));
        Assert.DoesNotContain("-incoming", again.ForDefinition("hostA"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_domain_without_metadata_gets_the_marker_too()
    {
        string xml = "<domain type='qemu'><name>a</name><uuid>11111111-2222-3333-4444-555555555555</uuid></domain>";

        Assert.True(IncomingMarker.IsIn(IncomingDomainXml.Parse(xml).ForIncoming()));
    }

    [Theory]
    [InlineData("hostB", "hostA")]
    [InlineData("hostB:17000", "hostA:17000")]
    [InlineData("10.0.0.2:17000", "hostA:17000")]
    [InlineData("fe80::1", "hostA")]
    [InlineData("[fe80::1]", "hostA")]
    [InlineData("[fe80::1]:17000", "hostA:17000")]
    public void The_definition_is_protected_by_the_former_primary(string backup, string expected)
    {
        string xml = IncomingDomainXml.Parse(Live.Replace("hostB", backup, StringComparison.Ordinal)).ForDefinition("hostA");

        XElement protect = XElement.Parse(xml).Element("metadata")!.Element(XName.Get("protect", HikaeNamespaces.Domain))!;
        Assert.Equal(expected, (string?)protect.Attribute("backup"));
        Assert.Equal("50", (string?)protect.Attribute("interval"));
        Assert.Empty(Arguments(xml));
        Assert.DoesNotContain("urn:hikae:status:1", xml, StringComparison.Ordinal);
        Assert.False(IncomingMarker.IsIn(xml));
    }

    [Theory]
    [InlineData("<title>Web server [hikae: protected, backup hostB]</title>", "Web server")]
    [InlineData("<title>Web server</title>", "Web server")]
    [InlineData("<title>web &amp; db [hikae: protected, backup hostB]</title>", null)]
    [InlineData("", null)]
    public void The_title_is_the_administrators_again(string title, string? own)
    {
        IncomingDomainXml xml = IncomingDomainXml.Parse(Live.Replace("<metadata>", title + "<metadata>", StringComparison.Ordinal));

        Assert.Equal(own, (string?)XElement.Parse(xml.ForIncoming()).Element("title"));
        Assert.Equal(own, (string?)XElement.Parse(xml.ForDefinition("hostA")).Element("title"));
    }

    [Fact]
    public void The_annotation_comes_as_libvirt_takes_it()
    {
        Assert.Equal("<protect backup=\"hostA\" interval=\"50\" />", IncomingDomainXml.Parse(Live).Annotation("hostA"));
    }

    [Fact]
    public void Name_and_UUID_are_read()
    {
        IncomingDomainXml xml = IncomingDomainXml.Parse(Live.Replace("11111111-2222-3333-4444-555555555555", "ABCDEF00-2222-3333-4444-555555555555", StringComparison.Ordinal));

        Assert.Equal(("web & db", "abcdef00-2222-3333-4444-555555555555"), (xml.Name, xml.Uuid));
    }

    [Theory]
    [InlineData("")]
    [InlineData("<domain>")]
    [InlineData("<network><name>a</name><uuid>11111111-2222-3333-4444-555555555555</uuid></network>")]
    [InlineData("<domain><uuid>11111111-2222-3333-4444-555555555555</uuid></domain>")]
    [InlineData("<domain><name>a</name><uuid>no</uuid></domain>")]
    [InlineData("<!DOCTYPE domain [<!ENTITY a 'b'>]><domain><name>&a;</name><uuid>11111111-2222-3333-4444-555555555555</uuid></domain>")]
    public void What_is_no_domain_is_refused(string xml) => Assert.Throws<RecoveryException>(() => IncomingDomainXml.Parse(xml));

    [Fact]
    public void Xml_above_the_limit_is_refused() => Assert.Throws<RecoveryException>(() => IncomingDomainXml.Parse(
        Live.Replace("web", new string('w', ReplicationLimits.MaxDomainXmlBytes), StringComparison.Ordinal)));

    [Fact]
    public void An_incoming_of_the_user_is_refused()
    {
        string incoming = IncomingDomainXml.Parse(Live).ForIncoming().Replace("\"defer\"", "\"tcp:0:4444\"", StringComparison.Ordinal);

        Assert.Throws<RecoveryException>(() => IncomingDomainXml.Parse(incoming).ForIncoming());
    }

    private static IEnumerable<string?> Arguments(string xml) =>
        XElement.Parse(xml).Elements(Qemu + "commandline").Elements(Qemu + "arg").Select(argument => (string?)argument.Attribute("value"));
}
