// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Xml;
using System.Xml.Linq;

namespace Hikae.Sidecar.Classify;

/// <summary>Finds where libvirt made the host end of a guest's virtio-serial port.</summary>
internal static class AgentChannelPath
{
    /// <summary>The unix socket's path in a live domain XML, or null when the guest has no such port.</summary>
    public static string? Find(string liveXml, string portName)
    {
        using var text = new StringReader(liveXml);
        using XmlReader reader = XmlReader.Create(text, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null });
        return XElement.Load(reader)
            .Element("devices")?
            .Elements("channel")
            .FirstOrDefault(channel => channel.Attribute("type")?.Value is "unix" && channel.Element("target")?.Attribute("name")?.Value == portName)?
            .Element("source")?
            .Attribute("path")?
            .Value;
    }
}
