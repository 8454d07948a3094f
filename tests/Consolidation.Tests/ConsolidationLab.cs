// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Consolidation.Tests;

/// <summary>Three hosts: two that run guests, and the third keeps the replicas of both.</summary>
public sealed class ConsolidationLab() : SharedLab("cons", Settings, hosts: 3)
{
    // Small guests fit, and the large one only while they do not run there; one after the other, so that the order can be seen.
    private static readonly Dictionary<string, string> Settings = new(CalmSettings)
    {
        ["backup.memory"] = "2250 MiB",
        ["backup.recoveries"] = "1",
    };
}
