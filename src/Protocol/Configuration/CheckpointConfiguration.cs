// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Configuration;

/// <summary>Section [checkpoint]: the pace of checkpoints. MinInterval ≤ Interval ≤ MaxInterval.</summary>
public sealed record CheckpointConfiguration
{
    /// <summary>Never sooner than this after the last checkpoint, however urgently one is asked for.</summary>
    public TimeSpan MinInterval { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>Never later than this, however idle the guest is, unless its annotation asks for a longer interval.</summary>
    public TimeSpan MaxInterval { get; init; } = TimeSpan.FromMilliseconds(1000);

    /// <summary>The pace while the guest dirties memory and nothing waits for a commit.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMilliseconds(100);
}
