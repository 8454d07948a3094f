// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;

namespace Hikae.Native.Libvirt;

/// <summary>
/// Names, order and types as in libvirt's headers. No logic here: callers use <see cref="Connection"/> and <see cref="Domain"/>.
/// </summary>
/// <remarks>
/// A returned <c>string</c> without a marshaller of its own is the caller's in C and is freed by the generated code; one with
/// <see cref="BorrowedUtf8"/> is libvirt's. A parameter <c>nint domain</c> or <c>nint conn</c> is borrowed for the call.
/// </remarks>
internal static unsafe partial class LibvirtApi
{
    private const string Library = "libvirt.so.0";

    // virterror.h

    [LibraryImport(Library)]
    internal static partial int virGetLastErrorCode();

    [LibraryImport(Library)]
    [return: MarshalUsing(typeof(BorrowedUtf8))]
    internal static partial string? virGetLastErrorMessage();

    [LibraryImport(Library)]
    internal static partial void virSetErrorFunc(nint userData, delegate* unmanaged<nint, nint, void> handler);

    // libvirt-event.h

    [LibraryImport(Library)]
    internal static partial int virEventRegisterDefaultImpl();

    [LibraryImport(Library)]
    internal static partial int virEventRunDefaultImpl();

    // libvirt-host.h

    [LibraryImport(Library)]
    internal static partial int virInitialize();

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial ConnectHandle virConnectOpen(string? name);

    [LibraryImport(Library)]
    internal static partial int virConnectRef(nint conn);

    [LibraryImport(Library)]
    internal static partial int virConnectClose(nint conn);

    [LibraryImport(Library)]
    internal static partial int virConnectIsAlive(ConnectHandle conn);

    [LibraryImport(Library)]
    internal static partial int virConnectSetKeepAlive(ConnectHandle conn, int interval, uint count);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial string? virConnectGetHostname(ConnectHandle conn);

    /// <param name="conn">The connection.</param>
    /// <param name="libVer">An <c>unsigned long</c>, which has the size of a pointer on Linux.</param>
    [LibraryImport(Library)]
    internal static partial int virConnectGetLibVersion(ConnectHandle conn, out nuint libVer);

    [LibraryImport(Library)]
    internal static partial int virConnectRegisterCloseCallback(
        ConnectHandle conn, delegate* unmanaged<nint, int, nint, void> cb, nint opaque, delegate* unmanaged<nint, void> freecb);

    [LibraryImport(Library)]
    internal static partial int virConnectUnregisterCloseCallback(ConnectHandle conn, delegate* unmanaged<nint, int, nint, void> cb);

    // libvirt-domain.h

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial string? virConnectGetDomainCapabilities(
        ConnectHandle conn, string? emulatorbin, string? arch, string? machine, string? virttype, uint flags);

    [LibraryImport(Library)]
    internal static partial int virConnectListAllDomains(ConnectHandle conn, nint** domains, uint flags);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial DomainHandle virDomainLookupByUUIDString(ConnectHandle conn, string uuid);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial DomainHandle virDomainLookupByName(ConnectHandle conn, string name);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial DomainHandle virDomainCreateXML(ConnectHandle conn, string xmlDesc, uint flags);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial DomainHandle virDomainDefineXML(ConnectHandle conn, string xml);

    [LibraryImport(Library)]
    internal static partial int virDomainFree(nint domain);

    /// <summary>The domain's connection, borrowed: it lives as long as the domain.</summary>
    [LibraryImport(Library)]
    internal static partial nint virDomainGetConnect(DomainHandle domain);

    [LibraryImport(Library)]
    [return: MarshalUsing(typeof(BorrowedUtf8))]
    internal static partial string? virDomainGetName(DomainHandle domain);

    [LibraryImport(Library)]
    [return: MarshalUsing(typeof(BorrowedUtf8))]
    internal static partial string? virDomainGetName(nint domain);

    /// <param name="domain">The domain.</param>
    /// <param name="buf">At least <see cref="VIR_UUID_STRING_BUFLEN"/> bytes.</param>
    [LibraryImport(Library)]
    internal static partial int virDomainGetUUIDString(DomainHandle domain, byte* buf);

    /// <inheritdoc cref="virDomainGetUUIDString(DomainHandle, byte*)"/>
    [LibraryImport(Library)]
    internal static partial int virDomainGetUUIDString(nint domain, byte* buf);

    internal const int VIR_UUID_STRING_BUFLEN = 37;

    [LibraryImport(Library)]
    internal static partial uint virDomainGetID(DomainHandle domain);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial string? virDomainGetXMLDesc(DomainHandle domain, uint flags);

    [LibraryImport(Library)]
    internal static partial int virDomainGetState(DomainHandle domain, out int state, out int reason, uint flags);

    [LibraryImport(Library)]
    internal static partial int virDomainIsPersistent(DomainHandle domain);

    [LibraryImport(Library)]
    internal static partial int virDomainSuspend(DomainHandle domain);

    [LibraryImport(Library)]
    internal static partial int virDomainResume(DomainHandle domain);

    [LibraryImport(Library)]
    internal static partial int virDomainDestroy(DomainHandle domain);

    [LibraryImport(Library)]
    internal static partial int virDomainUndefineFlags(DomainHandle domain, uint flags);

    [LibraryImport(Library)]
    internal static partial int virDomainCreateWithFlags(DomainHandle domain, uint flags);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial string? virDomainGetMetadata(DomainHandle domain, int type, string? uri, uint flags);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int virDomainSetMetadata(
        DomainHandle domain, int type, string? metadata, string? key, string? uri, uint flags);

    internal const int VIR_DOMAIN_METADATA_DESCRIPTION = 0;
    internal const int VIR_DOMAIN_METADATA_TITLE = 1;
    internal const int VIR_DOMAIN_METADATA_ELEMENT = 2;

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int virDomainOpenChannel(DomainHandle dom, string? name, StreamHandle st, uint flags);

    internal const uint VIR_DOMAIN_CHANNEL_FORCE = 1 << 0;
    internal const uint VIR_CONNECT_LIST_DOMAINS_ACTIVE = 1 << 0;

    /// <param name="conn">The connection.</param>
    /// <param name="dom">0: every domain.</param>
    /// <param name="eventID">VIR_DOMAIN_EVENT_ID_…; it decides which signature <paramref name="cb"/> must have.</param>
    /// <param name="cb">The callback.</param>
    /// <param name="opaque">Handed to <paramref name="cb"/> as its last argument, and at the very end to <paramref name="freecb"/>.</param>
    /// <param name="freecb">Called once when no further callback can come; not called if this function fails.</param>
    [LibraryImport(Library)]
    internal static partial int virConnectDomainEventRegisterAny(
        ConnectHandle conn, nint dom, int eventID, void* cb, nint opaque, delegate* unmanaged<nint, void> freecb);

    [LibraryImport(Library)]
    internal static partial int virConnectDomainEventDeregisterAny(ConnectHandle conn, int callbackID);

    internal const int VIR_DOMAIN_EVENT_ID_LIFECYCLE = 0;
    internal const int VIR_DOMAIN_EVENT_ID_REBOOT = 1;
    internal const int VIR_DOMAIN_EVENT_ID_CONTROL_ERROR = 7;
    internal const int VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED = 15;
    internal const int VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2 = 16;
    internal const int VIR_DOMAIN_EVENT_ID_DEVICE_ADDED = 19;
    internal const int VIR_DOMAIN_EVENT_ID_METADATA_CHANGE = 23;
    internal const int VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE = 26;

    // libvirt-stream.h

    [LibraryImport(Library)]
    internal static partial StreamHandle virStreamNew(nint conn, uint flags);

    [LibraryImport(Library)]
    internal static partial int virStreamRecv(StreamHandle st, byte* data, nuint nbytes);

    [LibraryImport(Library)]
    internal static partial int virStreamSend(StreamHandle st, byte* data, nuint nbytes);

    [LibraryImport(Library)]
    internal static partial int virStreamAbort(StreamHandle st);

    [LibraryImport(Library)]
    internal static partial int virStreamFree(nint st);
}
