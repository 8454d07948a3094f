// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;

namespace Hikae.Sidecar.Disk.Graph;

/// <summary>Reads <see cref="MigrationPhase"/> from QEMU's MIGRATION event and its query-migrate: both have a member "status" (qapi/migration.json, MigrationStatus).</summary>
internal static class MigrationStatus
{
    public static MigrationPhase Read(string? detailsJson)
    {
        if (detailsJson is null)
        {
            return MigrationPhase.UnderWay;
        }
        try
        {
            using JsonDocument document = JsonDocument.Parse(detailsJson);
            return Read(document.RootElement);
        }
        catch (JsonException)
        {
            return MigrationPhase.UnderWay;
        }
    }

    public static MigrationPhase Read(JsonElement details)
    {
        if (details.ValueKind != JsonValueKind.Object || !details.TryGetProperty("status", out JsonElement status))
        {
            return MigrationPhase.None;
        }
        return status.GetString() switch
        {
            "none" => MigrationPhase.None,
            "completed" => MigrationPhase.Completed,
            "failed" or "cancelled" => MigrationPhase.Ended,
            _ => MigrationPhase.UnderWay,
        };
    }
}
