// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Native.Libvirt;

/// <summary>One counted reference to a <c>virStreamPtr</c>.</summary>
internal sealed class StreamHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => LibvirtApi.virStreamFree(handle) == 0;
}
