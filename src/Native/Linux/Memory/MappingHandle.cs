// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Native.Linux;

/// <summary>Memory that mmap gave us; releasing it unmaps it.</summary>
internal sealed class MappingHandle : SafeHandle
{
    private readonly nuint _lengthBytes;

    internal MappingHandle(nint address, nuint lengthBytes)
        : base(Syscall.MAP_FAILED, ownsHandle: true)
    {
        _lengthBytes = lengthBytes;
        SetHandle(address);
    }

    public override bool IsInvalid => handle == Syscall.MAP_FAILED;

    internal nint Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return handle;
        }
    }

    protected override bool ReleaseHandle() => Syscall.munmap(handle, _lengthBytes) == 0;
}
