// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Xml;
using System.Xml.Linq;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Recovery;

/// <summary>Makes, from the primary's live domain XML, what the backup's libvirt is given.</summary>
/// <remarks>
/// The primary's XML comes over the network: no DTD, no external entity, a limit on its length. Everything that is not ours
/// is left as it is.
/// </remarks>
internal sealed class IncomingDomainXml
{
    private const string QemuNamespace = "http://libvirt.org/schemas/domain/qemu/1.0";
    private static readonly XName Commandline = XName.Get("commandline", QemuNamespace);
    private static readonly XName Argument = XName.Get("arg", QemuNamespace);

    private readonly XDocument _document;

    private IncomingDomainXml(XDocument document, string name, string uuid)
    {
        _document = document;
        Name = name;
        Uuid = uuid;
    }

    public string Name { get; }

    /// <summary>36 characters, lower case, with hyphens.</summary>
    public string Uuid { get; }

    /// <summary>Throws <see cref="RecoveryException"/> with the reason when it is no domain XML we can use.</summary>
    public static IncomingDomainXml Parse(string xml)
    {
        XDocument document;
        try
        {
            using XmlReader reader = XmlReader.Create(new StringReader(xml), new XmlReaderSettings
            {
                DtdProcessing = DtdProcessing.Prohibit,
                XmlResolver = null,
                MaxCharactersInDocument = ReplicationLimits.MaxDomainXmlBytes,
                MaxCharactersFromEntities = ReplicationLimits.MaxDomainXmlBytes,
            });
            document = XDocument.Load(reader, LoadOptions.PreserveWhitespace);
        }
        catch (XmlException error)
        {
            throw new RecoveryException($"The primary's domain XML cannot be read: {error.Message}", error);
        }
        XElement root = document.Root!;
        string? name = (string?)root.Element("name");
        if (root.Name != "domain" || string.IsNullOrEmpty(name) || !Guid.TryParse((string?)root.Element("uuid"), out Guid uuid))
        {
            throw new RecoveryException("The primary's domain XML is not a domain with name and UUID.");
        }
        ForgetEarlierFailover(root);
        RestoreTitle(root, name);
        return new IncomingDomainXml(document, name, uuid.ToString("D"));
    }

    /// <summary>For creating the domain: it waits for a migration stream, and hook and daemon leave it alone.</summary>
    public string ForIncoming()
    {
        XElement root = Copy();
        XElement metadata = Metadata(root);
        Elements(metadata, HikaeNamespaces.Status).Remove();
        Elements(metadata, HikaeNamespaces.Domain).Remove();
        Elements(metadata, HikaeNamespaces.Incoming).Remove();
        metadata.Add(XElement.Parse(IncomingMarker.Xml));

        XElement? commandline = root.Element(Commandline);
        if (commandline is null)
        {
            commandline = new XElement(Commandline);
            if (root.GetPrefixOfNamespace(QemuNamespace) is null)
            {
                root.SetAttributeValue(XNamespace.Xmlns + "qemu", QemuNamespace);
            }
            root.Add(commandline);
        }
        if (commandline.Elements(Argument).Any(argument => Value(argument) == "-incoming"))
        {
            throw new RecoveryException("The domain XML has a qemu:commandline with -incoming of its own.");
        }
        commandline.Add(
            new XElement(Argument, new XAttribute("value", "-incoming")),
            new XElement(Argument, new XAttribute("value", "defer")));
        return root.ToString(SaveOptions.DisableFormatting);
    }

    /// <summary>For the definition that stays: the guest as its owner defined it, protected by its former primary.</summary>
    /// <param name="formerPrimary">The host that becomes its backup; null leaves the annotation as it is.</param>
    public string ForDefinition(string? formerPrimary)
    {
        XElement root = Copy();
        XElement metadata = Metadata(root);
        Elements(metadata, HikaeNamespaces.Status).Remove();
        Elements(metadata, HikaeNamespaces.Incoming).Remove();
        if (formerPrimary is not null)
        {
            foreach (XElement protect in Elements(metadata, HikaeNamespaces.Domain).ToArray())
            {
                protect.SetAttributeValue("backup", formerPrimary + PortOf((string?)protect.Attribute("backup") ?? ""));
            }
        }
        return root.ToString(SaveOptions.DisableFormatting);
    }

    /// <summary>The annotation as <c>virDomainSetMetadata</c> takes it, without namespace; null when the guest has none.</summary>
    public string? Annotation(string? formerPrimary)
    {
        XElement? protect = XDocument.Parse(ForDefinition(formerPrimary)).Root!
            .Elements("metadata").Elements(XName.Get("protect", HikaeNamespaces.Domain)).FirstOrDefault();
        return protect is null
            ? null
            : new XElement("protect", protect.Attributes().Where(attribute => !attribute.IsNamespaceDeclaration)).ToString(SaveOptions.DisableFormatting);
    }

    // A port other than the default is the whole installation's, so it is kept when the host changes.
    private static string PortOf(string backup)
    {
        int colon = backup.LastIndexOf(':');
        bool isPort = colon > 0 && backup[..colon].IndexOf(':') < 0 || (colon > 0 && backup[colon - 1] == ']');
        return isPort ? backup[colon..] : "";
    }

    /// <summary>A guest that was failed over keeps, in its live XML, the arguments it was created with for as long as it runs.</summary>
    private static void ForgetEarlierFailover(XElement root)
    {
        XElement? commandline = root.Element(Commandline);
        XElement? incoming = commandline?.Elements(Argument).FirstOrDefault(argument => Value(argument) == "-incoming");
        XElement? defer = incoming?.ElementsAfterSelf(Argument).FirstOrDefault();
        if (defer is not null && Value(defer) == "defer")
        {
            defer.Remove();
            incoming!.Remove();
            if (!commandline!.HasElements)
            {
                commandline.Remove();
            }
        }
    }

    /// <summary>What the title says of the primary's protection is not so here.</summary>
    private static void RestoreTitle(XElement root, string name)
    {
        XElement? title = root.Element("title");
        if (TitleLine.Own((string?)title, name) is string own)
        {
            title!.Value = own;
        }
        else
        {
            title?.Remove();
        }
    }

    private static string? Value(XElement argument) => (string?)argument.Attribute("value");

    private XElement Copy() => new(_document.Root!);

    private static XElement Metadata(XElement root)
    {
        XElement? metadata = root.Element("metadata");
        if (metadata is null)
        {
            metadata = new XElement("metadata");
            root.Add(metadata);
        }
        return metadata;
    }

    private static IEnumerable<XElement> Elements(XElement metadata, string uri) =>
        metadata.Elements().Where(element => element.Name.NamespaceName == uri);
}
