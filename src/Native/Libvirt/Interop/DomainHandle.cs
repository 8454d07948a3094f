// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Native.Libvirt;

/// <summary>One counted reference to a <c>virDomainPtr</c>.</summary>
internal sealed class DomainHandle() : SafeHandle(0, ownsHandle: true)
{
    /// <param name="counted">A pointer whose reference the new handle takes over.</param>
    internal DomainHandle(nint counted) : this() => SetHandle(counted);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => LibvirtApi.virDomainFree(handle) == 0;
}
