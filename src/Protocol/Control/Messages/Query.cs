// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Control;

/// <summary>Asks for all statuses this host has.</summary>
public sealed record Query : ControlMessage;
