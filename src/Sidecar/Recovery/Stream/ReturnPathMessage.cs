// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Recovery.Stream;

/// <summary>One message of the destination to its source.</summary>
/// <param name="Type">A MIG_RP_MSG number.</param>
/// <param name="Value">SHUT, PONG, RESUME_ACK: the 32-bit value. Requests: the length wanted in bytes.</param>
/// <param name="Start">Requests: offset in the block, in bytes.</param>
/// <param name="Block">REQ_PAGES_ID: the block's name. REQ_PAGES: null, it is the block of the last REQ_PAGES_ID.</param>
internal readonly record struct ReturnPathMessage(ushort Type, uint Value, ulong Start, string? Block);
