// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Native.Libvirt;
using Hikae.Protocol.Guest;
using Hikae.Sidecar.Classify;

namespace Hikae.Sidecar.Recovery;

/// <summary>Tells the agent in a recovered guest that the guest was failed over, so that it can run the guest's own scripts.</summary>
internal static class FailoverNotice
{
    // The agent notices that its port was closed and opens it again within a tenth of a second; a busy guest takes longer.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    /// <summary>False when the guest has no agent, or it did not answer in time. Nothing depends on it.</summary>
    public static bool Send(Domain domain, ulong generation)
    {
        if (AgentChannelPath.Find(domain.GetXml(DomainXmlFlags.None), GuestProtocol.PortName) is not { } path)
        {
            return false;
        }
        using var channel = new GuestAgentChannel(path);
        channel.Start();
        long started = Stopwatch.GetTimestamp();
        while (channel.Hello is null || !channel.TryTellFailedOver(generation))
        {
            if (Stopwatch.GetElapsedTime(started) > Patience)
            {
                return false;
            }
            Thread.Sleep(Interval);
        }
        return true;
    }
}
