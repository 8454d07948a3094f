// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks;

/// <summary>No host has claimed any guest.</summary>
internal sealed class NoClaims : IGuestOwners
{
    public string? OtherOwner(string uuid) => null;
}
