// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Native.Linux;

/// <summary>Whose reads the storage serves first, as far as its scheduler has an order: ioprio_set(2).</summary>
public static class ReadOrder
{
    // Of 0 to 7. Not the idle class: somebody else may wait for what an idle reader is reading.
    private const long LastInClass = 7;

    /// <summary>Lets everybody else's reads go before those of the calling thread. False: this process may not.</summary>
    public static bool TryStepBack() =>
        Syscall.syscall_ioprio_set(Syscall.SYS_ioprio_set, Syscall.IOPRIO_WHO_PROCESS, 0, ((long)Syscall.IOPRIO_CLASS_BE << Syscall.IOPRIO_CLASS_SHIFT) | LastInClass) == 0;
}
