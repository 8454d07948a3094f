// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;

namespace Hikae.Native.Linux;

/// <summary>A call to the kernel failed. The text names the call and says why, in the C library's words.</summary>
/// <param name="function">The call as the manual names it, and on what.</param>
/// <param name="errno">The error number of the C library.</param>
public sealed class LinuxException(string function, int errno)
    : Exception($"{function}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})")
{
    /// <summary>The call that failed, as the manual names it, and on what.</summary>
    public string Function { get; } = function;

    /// <summary>The error number of the C library.</summary>
    public int Errno { get; } = errno;

    /// <summary>There is nothing of that name.</summary>
    public bool IsNotFound => Errno == Syscall.ENOENT;

    // errno belongs to the thread and the next call overwrites it, so this is the statement after the call that failed.
    [DoesNotReturn]
    internal static void ThrowLastError(string function) => throw new LinuxException(function, Marshal.GetLastPInvokeError());

    internal static void ThrowIfFailed(long result, string function)
    {
        if (result < 0)
        {
            ThrowLastError(function);
        }
    }
}
