// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Measuring;

/// <summary>Whether a replica has become what it will be: the guest's disks are looked through, and nothing is added or dropped any more.</summary>
internal static class ReplicaWatch
{
    private const long Still = 1 << 20;
    private const int Looks = 3;

    private static readonly TimeSpan Between = TimeSpan.FromSeconds(3);

    /// <summary>Looks several times, some seconds apart. False also when a host has nothing to say of it at that moment.</summary>
    public static bool IsSettled(LabHost primary, LabHost backup, string guest)
    {
        long? before = Bytes(backup, guest);
        for (int look = 0; look < Looks; look++)
        {
            Thread.Sleep(Between);
            if (GuestStatusReader.TryRead(primary, guest) is not { } status || GuestStatusReader.State(status) != "protected" || Scans(status)
                || Bytes(backup, guest) - before is not (> -Still and < Still))
            {
                return false;
            }
        }
        return true;
    }

    private static bool Scans(JsonElement status) =>
        status.TryGetProperty("diskScan", out JsonElement scan) && scan.ValueKind is JsonValueKind.Object && scan.GetProperty("doneBytes").GetInt64() < scan.GetProperty("totalBytes").GetInt64();

    private static long? Bytes(LabHost backup, string guest) => GuestStatusReader.TryRead(backup, guest)?.GetProperty("backupBytes").GetInt64();
}
