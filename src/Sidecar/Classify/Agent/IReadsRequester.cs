// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Guest;

namespace Hikae.Sidecar.Classify;

/// <summary>Asks the guest's agent what is read. Never waits.</summary>
internal interface IReadsRequester
{
    /// <summary>False: there is no agent, or its socket is full.</summary>
    bool TryRequestReads(in ReadsRequest request);
}
