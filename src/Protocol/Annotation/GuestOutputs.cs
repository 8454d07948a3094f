// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Annotation;

/// <summary>What happens to what the guest sends between two checkpoints.</summary>
public enum GuestOutputs
{
    /// <summary>It leaves when its epoch is committed: after a failover no client remembers more than the guest.</summary>
    Held,

    /// <summary>It leaves at once: faster, and a client may have seen answers the restarted guest does not remember.</summary>
    Unheld,
}
