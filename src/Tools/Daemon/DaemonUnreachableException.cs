// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Tools.Daemon;

/// <summary>hikaed does not run here, or this user may not talk to it.</summary>
internal sealed class DaemonUnreachableException(string message) : Exception(message);
