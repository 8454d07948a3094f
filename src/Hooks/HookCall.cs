// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks;

/// <summary>The words libvirt calls a hook with.</summary>
/// <param name="Guest">The domain's name.</param>
/// <param name="Operation">prepare, started, release, reconnect and others.</param>
/// <param name="Reason">
/// At release: shutdown, destroyed, crashed, saved, failed, migrated; "-" before libvirt 10.5, where all ends look alike.
/// </param>
internal sealed record HookCall(string Guest, string Operation, string Reason)
{
    /// <summary>DOMAIN OPERATION SUBOPERATION EXTRA. Null when this is no call of libvirt's.</summary>
    internal static HookCall? FromArguments(string[] arguments) =>
        arguments.Length < 2 ? null : new HookCall(arguments[0], arguments[1], arguments.Length > 3 ? arguments[3] : "-");
}
