// SPDX-License-Identifier: LGPL-2.1-or-later
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

/// <summary>64-bit numbers that BPF programs and this process share, all of them zero at first.</summary>
/// <remarks>The kernel's memory for it lasts as long as a program uses it, or this object.</remarks>
internal sealed unsafe class BpfArray : IDisposable
{
    private const long PageBytes = 4096;

    private readonly MappingHandle _memory;
    private readonly int _length;

    /// <exception cref="LinuxException">The kernel or this process' rights do not allow it, or there is no memory.</exception>
    internal BpfArray(int length)
    {
        _length = length;
        var map = new Syscall.bpf_map_attr
        {
            map_type = Syscall.BPF_MAP_TYPE_ARRAY,
            key_size = sizeof(uint),
            value_size = sizeof(ulong),
            max_entries = (uint)length,
            map_flags = Syscall.BPF_F_MMAPABLE,
        };
        Map = new SafeFileHandle((nint)BpfProgram.Call(Syscall.BPF_MAP_CREATE, &map, sizeof(Syscall.bpf_map_attr), "BPF_MAP_CREATE"), ownsHandle: true);
        nuint bytes = (nuint)((((long)length * sizeof(ulong)) + PageBytes - 1) / PageBytes * PageBytes);

        // SAFETY: a new mapping at an address of the kernel's choice; it replaces nothing.
        nint address = Syscall.mmap_file(0, bytes, Syscall.PROT_READ | Syscall.PROT_WRITE, Syscall.MAP_SHARED, Map, 0);
        if (address == Syscall.MAP_FAILED)
        {
            int errno = System.Runtime.InteropServices.Marshal.GetLastPInvokeError();
            Map.Dispose();
            throw new LinuxException("mmap of a BPF map", errno);
        }
        _memory = new MappingHandle(address, bytes);
    }

    /// <summary>For a program's instructions.</summary>
    internal SafeFileHandle Map { get; }

    /// <summary>Programs may change them any time. Not to be used after <see cref="Dispose"/>.</summary>
    // SAFETY: the mapping is longer than that, and lasts until Dispose; the handle throws after it.
    internal Span<ulong> Numbers => new((void*)_memory.Address, _length);

    public void Dispose()
    {
        _memory.Dispose();
        Map.Dispose();
    }
}
