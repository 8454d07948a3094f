// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Linux;

/// <summary>The C library's heap, which libvirt, OpenSSL and <see cref="System.Runtime.InteropServices.NativeMemory"/> take from.</summary>
public static class NativeHeap
{
    /// <summary>Returns to the kernel all pages in which nothing is allocated (malloc_trim(3)); by itself the C library does so at the heap's end only. Any thread; others wait meanwhile when they allocate.</summary>
    public static void Trim() => _ = Syscall.malloc_trim(0);
}
