// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json.Serialization;

namespace Hikae.Protocol.Control;

/// <summary>How one guest's protection stands on one host.</summary>
[JsonConverter(typeof(WireName<GuestState>))]
public enum GuestState
{
    /// <summary>Primary: the sidecar attaches to the guest.</summary>
    Starting = 1,

    /// <summary>Primary: no link yet, the backup is being called.</summary>
    Connecting,

    /// <summary>Primary: linked, the first whole checkpoint is on its way. Not protected.</summary>
    Synchronising,

    /// <summary>Primary: the backup holds a whole checkpoint, output waits for commits.</summary>
    Protected,

    /// <summary>Primary: the guest runs without a backup; the reason says why.</summary>
    Unprotected,

    /// <summary>Primary: the guest was paused, by a user or because its lease ran out; the reason says which.</summary>
    Paused,

    /// <summary>Primary: protection ends, what the guest wrote is drained to its image.</summary>
    Ending,

    /// <summary>Primary: another host may run this guest, so it was destroyed here.</summary>
    Fenced,

    /// <summary>Backup: checkpoints arrive, none is whole yet. Failover would find nothing.</summary>
    Receiving,

    /// <summary>Backup: a whole checkpoint is held. Failover is possible.</summary>
    Ready,

    /// <summary>Backup: the primary is lost, and the guest waits for its turn or for memory; its replica is kept. The reason says for what.</summary>
    Waiting,

    /// <summary>Backup: failover is under way.</summary>
    Recovering,

    /// <summary>Backup: the guest runs here after a failover.</summary>
    Recovered,

    /// <summary>Backup: failover was tried and did not succeed; the reason says why.</summary>
    Failed,
}
