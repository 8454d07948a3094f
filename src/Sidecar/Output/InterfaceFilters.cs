// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using System.Text.Json;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Output;

/// <summary>QEMU's side of held packets: its filter-redirector objects and their character devices, all named "hikae-…".</summary>
/// <remarks>
/// The queue of what the guest sends is "rx" to QEMU, which names it from the view of the host's end. Packets pass the filters of that queue from
/// its tail to its head, so at the tail we are the first to see them, and what we give back passes all others.
/// vnet_hdr_support stays off: QEMU then sends each packet with whatever virtio header it carries, and takes it back the same way.
/// </remarks>
internal sealed class InterfaceFilters(QemuMonitor monitor)
{
    private const string Filter = "hikae-redir-";
    private const string FromGuest = "hikae-out-";
    private const string ToNetwork = "hikae-in-";

    /// <summary>The aliases of all interfaces that have a filter of ours.</summary>
    public IReadOnlySet<string> List() => Names("qom-list", "name", Filter, writer => writer.WriteString("path", "/objects"));

    /// <summary>The aliases of all interfaces that have anything of ours: a detached interface takes its filter with it, not the rest.</summary>
    public IReadOnlySet<string> ListAll()
    {
        HashSet<string> all = Names("query-chardev", "label", FromGuest, _ => { });
        all.UnionWith(Names("query-chardev", "label", ToNetwork, _ => { }));
        all.UnionWith(List());
        return all;
    }

    /// <summary>Connects QEMU with us: the guest's packets will come out of the first socket, and what is written to the second will leave.</summary>
    public (Socket FromGuest, Socket ToNetwork) Connect(GuestInterface nic, FilterSockets sockets)
    {
        AddCharacterDevice(FromGuest + nic.Alias, sockets.Path);
        Socket fromGuest = sockets.Accept();
        try
        {
            AddCharacterDevice(ToNetwork + nic.Alias, sockets.Path);
            return (fromGuest, sockets.Accept());
        }
        catch
        {
            fromGuest.Dispose();
            throw;
        }
    }

    /// <summary>From the moment this returns, the guest's packets come to us. The guest may run; somebody must read already.</summary>
    public void Insert(GuestInterface nic) => monitor.Execute("object-add", writer =>
    {
        writer.WriteString("qom-type", "filter-redirector");
        writer.WriteString("id", Filter + nic.Alias);
        writer.WriteString("netdev", nic.NetDevice);
        writer.WriteString("queue", "rx");
        writer.WriteString("outdev", FromGuest + nic.Alias);
        writer.WriteString("indev", ToNetwork + nic.Alias);
        writer.WriteString("position", "tail");
    });

    /// <summary>Takes away whatever there is of ours at an interface: from then on its packets pass QEMU as if we had never been there.</summary>
    public void Remove(string alias)
    {
        Try("object-del", Filter + alias);
        Try("chardev-remove", FromGuest + alias);
        Try("chardev-remove", ToNetwork + alias);
    }

    /// <summary>QEMU has done everything that it began before.</summary>
    public void Settle() => monitor.Execute("query-status");

    private void AddCharacterDevice(string name, string path) => monitor.Execute("chardev-add", writer =>
    {
        writer.WriteString("id", name);
        writer.WriteStartObject("backend");
        writer.WriteString("type", "socket");
        writer.WriteStartObject("data");
        writer.WriteStartObject("addr");
        writer.WriteString("type", "unix");
        writer.WriteStartObject("data");
        writer.WriteString("path", path);
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteBoolean("server", false);
        writer.WriteEndObject();
        writer.WriteEndObject();
    });

    private void Try(string command, string name)
    {
        try
        {
            monitor.Execute(command, writer => writer.WriteString("id", name));
        }
        catch (QemuMonitorException)
        {
            // There is none.
        }
    }

    private HashSet<string> Names(string command, string member, string prefix, Action<Utf8JsonWriter> writeArguments)
    {
        var found = new HashSet<string>(StringComparer.Ordinal);
        foreach (JsonElement entry in monitor.Execute(command, writeArguments).EnumerateArray())
        {
            if (entry.GetProperty(member).GetString() is { } name && name.StartsWith(prefix, StringComparison.Ordinal))
            {
                found.Add(name[prefix.Length..]);
            }
        }
        return found;
    }
}
