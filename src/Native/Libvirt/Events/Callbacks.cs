// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Native.Libvirt;

/// <summary>Who owns the object behind a callback's <c>opaque</c>: libvirt, from the registration until it calls freecb.</summary>
/// <remarks>
/// A callback may run on libvirt's thread while another thread removes it. libvirt then postpones freecb until that callback
/// has returned. So only freecb may free the handle, never Dispose.
/// </remarks>
internal static class Callbacks
{
    /// <summary>libvirt's virFreeCallback.</summary>
    [UnmanagedCallersOnly]
    internal static void Free(nint opaque) => GCHandle.FromIntPtr(opaque).Free();

    /// <summary>Registers with a handle on <paramref name="target"/>; takes the handle back if libvirt refuses.</summary>
    /// <param name="target">What the callbacks will find.</param>
    /// <param name="register">Calls libvirt with opaque; gives the callback's number, or less than 0.</param>
    /// <param name="function">The C function, for the error text.</param>
    internal static int Register(object target, Func<nint, int> register, string function)
    {
        GCHandle handle = GCHandle.Alloc(target);
        int number = register(GCHandle.ToIntPtr(handle));
        if (number < 0)
        {
            LibvirtException failure = LibvirtException.Last(function);
            handle.Free();
            throw failure;
        }

        return number;
    }
}
