// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Nbd;

/// <summary>A request that could not be answered from memory.</summary>
/// <param name="Request">Its header.</param>
/// <param name="Step">Of a write: how far it got.</param>
/// <param name="Data">Of a WRITE that has not begun: its bytes, rented from the shared pool; longer than the request.</param>
internal readonly record struct WaitingRequest(NbdRequest Request, WriteStep Step, byte[]? Data);
