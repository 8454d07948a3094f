// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Buffer;

/// <summary>A buffer's file does not hold what it says. Writes that a guest was told are done are lost: someone has to look.</summary>
internal sealed class DamagedBufferException(string message) : Exception(message);
