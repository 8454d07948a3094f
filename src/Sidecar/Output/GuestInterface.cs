// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Xml.Linq;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Output;

/// <summary>A network interface of the guest.</summary>
/// <param name="Alias">libvirt's name for the device, "net0".</param>
/// <param name="Name">For people: the host's end, or the address.</param>
internal sealed record GuestInterface(string Alias, string Name)
{
    /// <summary>QEMU's name for the interface's way out (libvirt's qemu_command.c, qemuBuildHostNetProps).</summary>
    public string NetDevice => "host" + Alias;

    /// <summary>All interfaces in a live domain XML; also those whose link is down, which a user may set up at any time.</summary>
    /// <exception cref="NotProtectableException">An interface has no name of libvirt's yet.</exception>
    public static IReadOnlyList<GuestInterface> Read(string liveXml)
    {
        var found = new List<GuestInterface>();
        foreach (XElement nic in LiveXml.Parse(liveXml).Element("devices")?.Elements("interface") ?? [])
        {
            string name = nic.Element("target")?.Attribute("dev")?.Value ?? nic.Element("mac")?.Attribute("address")?.Value ?? "?";
            string alias = nic.Element("alias")?.Attribute("name")?.Value ?? throw new NotProtectableException($"interface {name} has no alias");
            found.Add(new GuestInterface(alias, name));
        }
        return found;
    }
}
