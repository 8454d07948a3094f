// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Measuring;

/// <summary>One guest as "hikae status --json" of a host shows it.</summary>
internal static class GuestStatusReader
{
    /// <summary>Null when the host does not know the guest, or has heard nothing of it lately.</summary>
    public static JsonElement? TryRead(LabHost host, string guest)
    {
        CommandResult result = host.TryRun("hikae", "status", "--json");
        if (!result.Succeeded)
        {
            return null;
        }
        using JsonDocument all = JsonDocument.Parse(result.Output);
        foreach (JsonElement status in all.RootElement.EnumerateArray())
        {
            if (status.GetProperty("guest").GetString() == guest && !status.GetProperty("stale").GetBoolean())
            {
                return status.Clone();
            }
        }
        return null;
    }

    public static JsonElement Read(LabHost host, string guest) =>
        TryRead(host, guest) ?? throw new LabException($"{host.Name} says nothing of {guest}: {host.TryRun("hikae", "status")}\n{host.Logs()}");

    public static string State(JsonElement status) => status.GetProperty("state").GetString()!;
}
