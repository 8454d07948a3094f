// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Xml;
using System.Xml.Linq;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Capture;

/// <summary>Reads libvirt's description of a running guest.</summary>
internal static class LiveXml
{
    /// <exception cref="NotProtectableException">It is too long or no XML.</exception>
    public static XElement Parse(string liveXml)
    {
        if (liveXml.Length > ReplicationLimits.MaxDomainXmlBytes)
        {
            throw new NotProtectableException($"the domain XML has {liveXml.Length} characters, the limit is {ReplicationLimits.MaxDomainXmlBytes}");
        }
        try
        {
            using var text = new StringReader(liveXml);
            using XmlReader reader = XmlReader.Create(text, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
            return XElement.Load(reader);
        }
        catch (XmlException error)
        {
            throw new NotProtectableException($"the domain XML cannot be read: {error.Message}");
        }
    }
}
