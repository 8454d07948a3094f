// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Recovery;

/// <summary>Ends this process at a time, whatever it is doing then. See <see cref="Native.Linux.DeathTimer"/>.</summary>
internal interface IDeathTimer
{
    /// <param name="timestamp">Of the lease's clock.</param>
    void Arm(long timestamp);

    void Disarm();
}
