// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks.Tests;

/// <summary>Every guest may start here.</summary>
internal sealed class GrantedStart : IStartPermission
{
    public string? WhyNot(string guest, string uuid) => null;

    public string? WhyNotMigrate(string guest, string uuid) => null;
}
