// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Native.Libvirt;

/// <summary>libvirt-qemu.h: what is there only for QEMU guests. Rules as in <see cref="LibvirtApi"/>.</summary>
internal static unsafe partial class LibvirtQemuApi
{
    private const string Library = "libvirt-qemu.so.0";

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int virDomainQemuMonitorCommand(DomainHandle domain, string cmd, out string? result, uint flags);

    /// <summary>Since libvirt 8.2. The descriptors in <paramref name="infiles"/> stay the caller's.</summary>
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int virDomainQemuMonitorCommandWithFiles(
        DomainHandle domain,
        string cmd,
        uint ninfiles,
        int* infiles,
        uint* noutfiles,
        int** outfiles,
        out string? result,
        uint flags);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int virConnectDomainQemuMonitorEventRegister(
        ConnectHandle conn,
        nint dom,
        string? @event,
        delegate* unmanaged<nint, nint, byte*, long, uint, byte*, nint, void> cb,
        nint opaque,
        delegate* unmanaged<nint, void> freecb,
        uint flags);

    [LibraryImport(Library)]
    internal static partial int virConnectDomainQemuMonitorEventDeregister(ConnectHandle conn, int callbackID);
}
