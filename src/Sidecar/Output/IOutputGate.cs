// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Output;

/// <summary>Where the kernel ends this host's right to let packets out. Any thread.</summary>
internal interface IOutputGate
{
    /// <summary>Packets may leave until then, and not after it.</summary>
    /// <param name="timestamp">Of the lease's clock.</param>
    void OpenUntil(long timestamp);

    /// <summary>Packets may leave: no other host may take the guest.</summary>
    void Open();
}
