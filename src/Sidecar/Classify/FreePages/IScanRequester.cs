// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Guest;

namespace Hikae.Sidecar.Classify;

/// <summary>Brings a question to the guest's agent. Never waits.</summary>
internal interface IScanRequester
{
    /// <summary>False: there is no agent, or it does not report what we want, or its socket is full.</summary>
    bool TryRequest(in ScanRequest request);
}
