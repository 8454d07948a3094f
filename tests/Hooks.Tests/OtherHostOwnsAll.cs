// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks.Tests;

/// <summary>Every guest runs on hostB.</summary>
internal sealed class OtherHostOwnsAll : IGuestOwners
{
    public string? OtherOwner(string uuid) => "hostB";
}
