// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Linux;

/// <summary>How this process is preferred to others.</summary>
public static class ProcessPriority
{
    /// <summary>Keeps every page of this process in memory from the moment it is first touched, so that a host short of memory does not stop us.</summary>
    /// <remarks>
    /// "On fault", because the runtime reserves far more address space than it uses, and locking that would allocate all of it.
    /// Needs CAP_IPC_LOCK or a sufficient RLIMIT_MEMLOCK.
    /// </remarks>
    /// <exception cref="LinuxException">The limit is too low.</exception>
    public static void LockMemory() =>
        LinuxException.ThrowIfFailed(Syscall.mlockall(Syscall.MCL_CURRENT | Syscall.MCL_FUTURE | Syscall.MCL_ONFAULT), "mlockall");
}
