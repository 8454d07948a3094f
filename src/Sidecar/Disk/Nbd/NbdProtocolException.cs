// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Nbd;

/// <summary>A client sent what no NBD client sends. Its connection is closed; nothing else happens.</summary>
internal sealed class NbdProtocolException(string message) : Exception(message);
