// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar;

/// <summary>A planned failover came to its end on the backup, well or not: this host must destroy its paused guest, or let it go on.</summary>
internal sealed class GuestMovedException(Recovered recovered) : Exception(recovered.Reason ?? "the guest moved")
{
    public Recovered Recovered { get; } = recovered;
}
