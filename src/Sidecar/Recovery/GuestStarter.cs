// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.PageStore;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Recovery;

internal sealed class GuestStarter(string uri, ILogger logger)
{
    public DryStartResult DryStart(string xml) => new(uri.Length + xml.Length > 0, null, true);

    public void Recover(string xml, ReplicaStore store, string formerPrimary, Action<TimeSpan> running)
    {
        logger.FailoverBegins(uri);
        throw new RecoveryException("not yet");
    }
}
