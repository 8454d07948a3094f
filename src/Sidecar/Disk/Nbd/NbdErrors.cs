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

    /// <summary>
    /// The disk is served no more by this process. The client is told nothing: an error would reach the guest, while a client that loses its
    /// connection asks again, of the next process.
    /// </summary>
    public static bool IsEnd(Exception error) => error is OperationCanceledException or ObjectDisposedException;

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
        OutOfMemoryException => NBD_ENOMEM,
        _ => NBD_EIO,
    };
}
