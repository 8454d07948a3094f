// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Recovery;

namespace Hikae.Sidecar.Tests.Recovery;

/// <summary>A timer that kills nobody.</summary>
internal sealed class RecordedDeath : IDeathTimer
{
    /// <summary>Null: not armed.</summary>
    public long? At { get; private set; }

    public void Arm(long timestamp) => At = timestamp;

    public void Disarm() => At = null;
}
