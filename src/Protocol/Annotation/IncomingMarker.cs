// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Xml;

namespace Hikae.Protocol.Annotation;

/// <summary>
/// The element that takes the place of the annotation in a domain the backup side creates (dry start, failover), so that
/// hook and daemon do not start a second sidecar for a guest that already has one.
/// </summary>
public static class IncomingMarker
{
    /// <summary>The marker as it stands in a domain's XML.</summary>
    public const string Xml = "<hikae:incoming xmlns:hikae=\"" + HikaeNamespaces.Incoming + "\"/>";

    /// <summary>Whether a whole domain XML carries the marker. XML that cannot be read does not.</summary>
    public static bool IsIn(ReadOnlySpan<char> domainXml)
    {
        try
        {
            using XmlReader reader = DomainMetadata.Open(domainXml);
            while (DomainMetadata.ReadToNextElement(reader))
            {
                if (reader is { LocalName: "incoming", NamespaceURI: HikaeNamespaces.Incoming })
                {
                    return true;
                }
            }
        }
        catch (Exception e) when (e is FormatException or XmlException)
        {
            return false;
        }

        return false;
    }
}
