// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Recovery.Stream;

/// <summary>QEMU sent bytes we cannot trust, or refused ours. This attempt to start the guest is over.</summary>
internal sealed class MigrationStreamException(string message) : Exception(message);
