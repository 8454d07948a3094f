// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks;

/// <summary>Says who may run a guest.</summary>
internal interface IGuestOwners
{
    /// <summary>The other host that owns the guest; null: this host may run it, or nobody knows better.</summary>
    string? OtherOwner(string uuid);
}
