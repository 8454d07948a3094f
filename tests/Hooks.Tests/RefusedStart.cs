// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks.Tests;

/// <summary>No guest may start here.</summary>
internal sealed class RefusedStart : IStartPermission
{
    public string? WhyNot(string guest, string uuid) => $"guest {guest} is active on hostB";

    public string? WhyNotMigrate(string guest, string uuid) => $"guest {guest} cannot be asked for";
}
