// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using System.Text;

namespace Hikae.Native.Libvirt;

/// <summary>
/// One guest as libvirt sees it. May be used from several threads. Outlives the guest: calls then fail with
/// <see cref="LibvirtErrorCode.VIR_ERR_NO_DOMAIN"/>.
/// </summary>
public sealed class Domain : IDisposable
{
    private readonly DomainHandle _handle;

    internal Domain(DomainHandle handle)
    {
        _handle = handle;
        Name = LibvirtException.ThrowIfNull(LibvirtApi.virDomainGetName(handle), nameof(LibvirtApi.virDomainGetName));
        Uuid = ReadUuid(handle);
    }

    /// <summary>The name at the time of the look-up.</summary>
    public string Name { get; }

    /// <summary>36 characters, lower case, with hyphens.</summary>
    public string Uuid { get; }

    /// <summary>The number of this run of the guest at the time of the look-up; -1 if it did not run. It does not follow later starts.</summary>
    public int Id => unchecked((int)LibvirtApi.virDomainGetID(_handle));

    /// <summary>True: the guest has a definition that stays when it stops.</summary>
    public bool IsPersistent
    {
        get
        {
            int answer = LibvirtApi.virDomainIsPersistent(_handle);
            LibvirtException.ThrowIfFailed(answer, nameof(LibvirtApi.virDomainIsPersistent));
            return answer > 0;
        }
    }

    internal DomainHandle Handle => _handle;

    /// <summary>The domain's XML.</summary>
    public string GetXml(DomainXmlFlags flags) => LibvirtException.ThrowIfNull(
        LibvirtApi.virDomainGetXMLDesc(_handle, (uint)flags), nameof(LibvirtApi.virDomainGetXMLDesc));

    /// <summary>What the domain does now, and why: a value of libvirt's vir…Reason enum of that state.</summary>
    public (DomainState State, int Reason) GetState()
    {
        LibvirtException.ThrowIfFailed(
            LibvirtApi.virDomainGetState(_handle, out int state, out int reason, 0), nameof(LibvirtApi.virDomainGetState));
        return ((DomainState)state, reason);
    }

    /// <summary>Stops the guest's processors.</summary>
    public void Suspend() => LibvirtException.ThrowIfFailed(LibvirtApi.virDomainSuspend(_handle), nameof(LibvirtApi.virDomainSuspend));

    /// <summary>Lets the guest's processors run.</summary>
    public void Resume() => LibvirtException.ThrowIfFailed(LibvirtApi.virDomainResume(_handle), nameof(LibvirtApi.virDomainResume));

    /// <summary>Ends the guest like a power cut; QEMU gets SIGTERM, then SIGKILL.</summary>
    public void Destroy() => LibvirtException.ThrowIfFailed(LibvirtApi.virDomainDestroy(_handle), nameof(LibvirtApi.virDomainDestroy));

    /// <summary>Takes the definition away; a running guest runs on and is gone when it stops.</summary>
    public void Undefine() => Undefine(DomainUndefineFlags.None);

    /// <inheritdoc cref="Undefine()"/>
    public void Undefine(DomainUndefineFlags flags) => LibvirtException.ThrowIfFailed(
        LibvirtApi.virDomainUndefineFlags(_handle, (uint)flags), nameof(LibvirtApi.virDomainUndefineFlags));

    /// <summary>Starts the defined guest.</summary>
    public void Create(DomainCreateFlags flags) => LibvirtException.ThrowIfFailed(
        LibvirtApi.virDomainCreateWithFlags(_handle, (uint)flags), nameof(LibvirtApi.virDomainCreateWithFlags));

    /// <summary>
    /// The metadata element of this XML namespace; null when there is none. libvirt gives it without the namespace, as
    /// <c>&lt;protect backup="b"/&gt;</c>, and what is not ASCII as character references. <see cref="GetXml"/> has the namespace.
    /// </summary>
    public string? GetMetadataElement(string uri, DomainAffect affect) => GetMetadata(LibvirtApi.VIR_DOMAIN_METADATA_ELEMENT, uri, affect);

    /// <summary>Puts an element into the metadata, in place of the one with the same XML namespace.</summary>
    /// <param name="xml">The element without its namespace, which libvirt adds; null takes the element away.</param>
    /// <param name="key">The namespace prefix libvirt writes.</param>
    /// <param name="uri">The XML namespace; there is one element per namespace.</param>
    /// <param name="affect">Running guest, definition, or both.</param>
    public void SetMetadataElement(string? xml, string key, string uri, DomainAffect affect) =>
        SetMetadata(LibvirtApi.VIR_DOMAIN_METADATA_ELEMENT, xml, key, uri, affect);

    /// <summary>The one line that <c>virsh list --title</c> shows; null when there is none.</summary>
    public string? GetTitle(DomainAffect affect) => GetMetadata(LibvirtApi.VIR_DOMAIN_METADATA_TITLE, null, affect);

    /// <summary>Sets the one line that <c>virsh list --title</c> shows; null takes it away.</summary>
    public void SetTitle(string? title, DomainAffect affect) =>
        SetMetadata(LibvirtApi.VIR_DOMAIN_METADATA_TITLE, title, null, null, affect);

    /// <summary>
    /// Sends one command to QEMU's monitor. Taints the domain (a line in its log). libvirt notices what the command does:
    /// <c>stop</c> and <c>cont</c> make lifecycle events like <see cref="Suspend"/> and <see cref="Resume"/>.
    /// </summary>
    /// <returns>QEMU's whole reply: <c>{"return":…}</c> or <c>{"error":…}</c>. A refusal by QEMU does not throw.</returns>
    public string MonitorCommand(string json)
    {
        LibvirtException.ThrowIfFailed(
            LibvirtQemuApi.virDomainQemuMonitorCommand(_handle, json, out string? reply, 0),
            nameof(LibvirtQemuApi.virDomainQemuMonitorCommand));
        return reply ?? "";
    }

    /// <summary>The same with a descriptor for QEMU's <c>getfd</c> or <c>add-fd</c>; it stays the caller's.</summary>
    public unsafe string MonitorCommand(string json, SafeHandle descriptor)
    {
        ArgumentNullException.ThrowIfNull(descriptor);
        bool held = false;
        try
        {
            descriptor.DangerousAddRef(ref held);
            int number = (int)descriptor.DangerousGetHandle();

            // SAFETY: one descriptor, held open until the call is over; libvirt asks for no room for descriptors that come back.
            LibvirtException.ThrowIfFailed(
                LibvirtQemuApi.virDomainQemuMonitorCommandWithFiles(_handle, json, 1, &number, null, null, out string? reply, 0),
                nameof(LibvirtQemuApi.virDomainQemuMonitorCommandWithFiles));
            return reply ?? "";
        }
        finally
        {
            if (held)
            {
                descriptor.DangerousRelease();
            }
        }
    }

    /// <summary>Opens the host's end of a virtio-serial channel that has no other reader.</summary>
    /// <param name="name">The channel's <c>target name</c> in the XML.</param>
    /// <param name="force">True: whoever has it open loses it.</param>
    public LibvirtStream OpenChannel(string name, bool force)
    {
        StreamHandle stream = NewStream();
        try
        {
            LibvirtException.ThrowIfFailed(
                LibvirtApi.virDomainOpenChannel(_handle, name, stream, force ? LibvirtApi.VIR_DOMAIN_CHANNEL_FORCE : 0),
                nameof(LibvirtApi.virDomainOpenChannel));
            return new LibvirtStream(stream);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Lets go of libvirt's object; nothing happens to the guest.</summary>
    public void Dispose() => _handle.Dispose();

    /// <summary>The UUID of a domain that libvirt lent to a callback.</summary>
    internal static unsafe string ReadUuid(nint borrowedDomain)
    {
        byte* text = stackalloc byte[LibvirtApi.VIR_UUID_STRING_BUFLEN];

        // SAFETY: the buffer has the length that virDomainGetUUIDString demands.
        LibvirtException.ThrowIfFailed(
            LibvirtApi.virDomainGetUUIDString(borrowedDomain, text), nameof(LibvirtApi.virDomainGetUUIDString));
        return Encoding.ASCII.GetString(text, LibvirtApi.VIR_UUID_STRING_BUFLEN - 1);
    }

    private static unsafe string ReadUuid(DomainHandle domain)
    {
        byte* text = stackalloc byte[LibvirtApi.VIR_UUID_STRING_BUFLEN];

        // SAFETY: the buffer has the length that virDomainGetUUIDString demands.
        LibvirtException.ThrowIfFailed(LibvirtApi.virDomainGetUUIDString(domain, text), nameof(LibvirtApi.virDomainGetUUIDString));
        return Encoding.ASCII.GetString(text, LibvirtApi.VIR_UUID_STRING_BUFLEN - 1);
    }

    private string? GetMetadata(int type, string? uri, DomainAffect affect)
    {
        string? value = LibvirtApi.virDomainGetMetadata(_handle, type, uri, (uint)affect);
        if (value is null && LibvirtApi.virGetLastErrorCode() != LibvirtErrorCode.VIR_ERR_NO_DOMAIN_METADATA)
        {
            LibvirtException.ThrowLast(nameof(LibvirtApi.virDomainGetMetadata));
        }

        return value;
    }

    private void SetMetadata(int type, string? value, string? key, string? uri, DomainAffect affect) =>
        LibvirtException.ThrowIfFailed(
            LibvirtApi.virDomainSetMetadata(_handle, type, value, key, uri, (uint)affect), nameof(LibvirtApi.virDomainSetMetadata));

    private StreamHandle NewStream()
    {
        bool held = false;
        try
        {
            // The domain holds the connection, so holding the domain keeps the borrowed pointer valid.
            _handle.DangerousAddRef(ref held);
            return LibvirtException.ThrowIfNull(
                LibvirtApi.virStreamNew(LibvirtApi.virDomainGetConnect(_handle), 0), nameof(LibvirtApi.virStreamNew));
        }
        finally
        {
            if (held)
            {
                _handle.DangerousRelease();
            }
        }
    }
}
