// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Xml;

namespace Hikae.Protocol.Annotation;

/// <summary>Walks over the children of /domain/metadata. Anything else in a domain's XML may look like ours and is not.</summary>
internal static class DomainMetadata
{
    /// <summary>In characters. A domain with hundreds of devices has about 200 000.</summary>
    internal const int MaxXmlLength = 4 << 20;

    private const int MetadataDepth = 1;

    internal static XmlReader Open(ReadOnlySpan<char> domainXml)
    {
        if (domainXml.Length > MaxXmlLength)
        {
            throw new FormatException($"the domain XML has {domainXml.Length} characters, more than the {MaxXmlLength} allowed");
        }

        return XmlReader.Create(new StringReader(domainXml.ToString()), new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            MaxCharactersInDocument = MaxXmlLength,
            MaxCharactersFromEntities = MaxXmlLength,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
        });
    }

    /// <summary>Moves to the next child element of /domain/metadata; false at the end of the document.</summary>
    internal static bool ReadToNextElement(XmlReader reader)
    {
        while (reader.Read())
        {
            if (reader.NodeType != XmlNodeType.Element)
            {
                continue;
            }

            if (reader.Depth == 0 && reader.LocalName != "domain")
            {
                throw new FormatException($"the document is a \"{reader.LocalName}\", not a domain");
            }

            // The first reading of depth 1 elements other than metadata skips their children as a whole.
            while (reader is { Depth: MetadataDepth, NodeType: XmlNodeType.Element } && reader.LocalName != "metadata")
            {
                reader.Skip();
            }

            if (reader is { Depth: MetadataDepth + 1, NodeType: XmlNodeType.Element })
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether the element the reader stands on holds anything but white space. Moves to its end.</summary>
    internal static bool HasContent(XmlReader reader)
    {
        int depth = reader.Depth;
        while (reader.Read() && reader.Depth > depth)
        {
            if (reader.NodeType is not (XmlNodeType.Whitespace or XmlNodeType.SignificantWhitespace))
            {
                return true;
            }
        }

        return false;
    }
}
