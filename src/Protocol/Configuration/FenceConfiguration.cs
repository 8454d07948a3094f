// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Configuration;

/// <summary>Section [fence]: how another host's power is cut, if it can be.</summary>
public sealed record FenceConfiguration
{
    /// <summary>A program with the calling convention of Pacemaker's fence agents; null: none, leases alone decide.</summary>
    public string? Command { get; init; }

    /// <summary>Words KEY=VALUE for the program, in which <c>{host}</c> stands for the host's name.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];

    /// <summary>A program that runs longer is ended and has failed.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);
}
