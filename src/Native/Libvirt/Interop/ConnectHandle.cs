// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Native.Libvirt;

/// <summary>One counted reference to a <c>virConnectPtr</c>.</summary>
internal sealed class ConnectHandle() : SafeHandle(0, ownsHandle: true)
{
    private ConnectHandle(nint counted) : this() => SetHandle(counted);

    public override bool IsInvalid => handle == 0;

    /// <summary>A second reference, for an owner that may outlive this one.</summary>
    internal ConnectHandle AddReference()
    {
        bool held = false;
        try
        {
            DangerousAddRef(ref held);
            LibvirtException.ThrowIfFailed(LibvirtApi.virConnectRef(handle), nameof(LibvirtApi.virConnectRef));
            return new ConnectHandle(handle);
        }
        finally
        {
            if (held)
            {
                DangerousRelease();
            }
        }
    }

    // Above 0 means that others still hold the connection, not that closing failed.
    protected override bool ReleaseHandle() => LibvirtApi.virConnectClose(handle) >= 0;
}
