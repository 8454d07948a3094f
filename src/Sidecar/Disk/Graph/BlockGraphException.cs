// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Graph;

/// <summary>
/// A change of QEMU's block graph stopped halfway, and going back failed too. The guest must stay stopped: its disk answers with errors.
/// <see cref="BlockGraph.Recover"/> tries again.
/// </summary>
internal sealed class BlockGraphException(string message, Exception cause) : Exception(message, cause);
