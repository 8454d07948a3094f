// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Configuration;

/// <summary>Section [arbiter]: who decides which host may run a guest.</summary>
public sealed record ArbiterConfiguration
{
    /// <summary>What is said of every guest while <see cref="Directory"/> is null.</summary>
    public const string NoDirectoryReason = "no arbiter directory configured";

    /// <summary>A directory on storage that all hosts share; null: none, and then no guest is protected.</summary>
    public string? Directory { get; init; }

    /// <summary>How long a claim lasts without being renewed.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromMilliseconds(5000);
}
