// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Guest;
using Hikae.Sidecar.Classify;

namespace Hikae.Sidecar.Tests.Classify;

/// <summary>Keeps the requests; can be absent.</summary>
internal sealed class RecordingAgent : IScanRequester
{
    internal bool IsAbsent { get; set; }

    internal List<ScanRequest> Requests { get; } = [];

    public bool TryRequest(in ScanRequest request)
    {
        Requests.Add(request);
        return !IsAbsent;
    }
}
