// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>Whether what was asked has been done.</summary>
/// <param name="Ok">True: it was done, or the sidecar is doing it.</param>
/// <param name="Message">A sentence for people.</param>
public sealed record Result(bool Ok, string Message) : ControlMessage;
