// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Native.Linux;

/// <summary>How far the calling thread steps back behind others: nice(2), which for Linux belongs to a thread. The runtime's own thread priorities do nothing here.</summary>
public static class Niceness
{
    /// <summary>-20 to 19; the higher, the less of a full processor. Going down again needs CAP_SYS_NICE.</summary>
    /// <exception cref="LinuxException">It may not be set.</exception>
    public static int OfThisThread
    {
        get
        {
            Marshal.SetLastSystemError(0);
            int niceness = Syscall.getpriority(Syscall.PRIO_PROCESS, 0);
            return niceness != -1 || Marshal.GetLastPInvokeError() == 0 ? niceness : throw new LinuxException("getpriority", Marshal.GetLastPInvokeError());
        }

        set => LinuxException.ThrowIfFailed(Syscall.setpriority(Syscall.PRIO_PROCESS, 0, value), "setpriority");
    }
}
