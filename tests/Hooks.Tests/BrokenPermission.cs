// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks.Tests;

/// <summary>Asking fails in a way that nobody thought of.</summary>
internal sealed class BrokenPermission : IStartPermission
{
    public string? WhyNot(string guest, string uuid) => throw new NotSupportedException("out of luck");

    public string? WhyNotMigrate(string guest, string uuid) => throw new NotSupportedException("out of luck");
}
