// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;
using static Hikae.Sidecar.Disk.Nbd.NbdProtocol;

namespace Hikae.Sidecar.Disk.Nbd;

/// <summary>What a client is told when the storage fails.</summary>
internal static class NbdErrors
{
    private const int EROFS = 30;
    private const int EDQUOT = 122;
    private const int EFBIG = 27;

    public static uint Of(Exception error) => error switch
    {
        LinuxException linux => linux.Errno switch
        {
            (int)NBD_EPERM or EROFS => NBD_EPERM,
            (int)NBD_ENOMEM => NBD_ENOMEM,
            (int)NBD_ENOSPC or EDQUOT or EFBIG => NBD_ENOSPC,
            (int)NBD_EINVAL => NBD_EINVAL,
            _ => NBD_EIO,
        },
        OperationCanceledException or ObjectDisposedException => NBD_ESHUTDOWN,
        OutOfMemoryException => NBD_ENOMEM,
        _ => NBD_EIO,
    };
}
