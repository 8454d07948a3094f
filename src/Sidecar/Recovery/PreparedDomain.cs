// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Recovery;

/// <summary>An incoming domain with the connection that made it. Whoever holds it disposes it; destroying the domain is another matter.</summary>
internal sealed class PreparedDomain(Connection connection, IncomingDomain incoming, ILogger logger) : IDisposable
{
    public Connection Connection { get; } = connection;

    public IncomingDomain Incoming { get; } = incoming;

    /// <summary>Ends the domain and disposes this. A domain that ended by itself is as good.</summary>
    public void Destroy()
    {
        try
        {
            End();
        }
        finally
        {
            Dispose();
        }
    }

    /// <summary>Ends the domain. Any thread may call, also while another waits for libvirt to do something with it: that one then hears of an error.</summary>
    public void End()
    {
        try
        {
            // libvirt finds what it destroys by UUID: by now that may be another domain, in which the guest runs.
            using Domain? now = Connection.FindByUuid(Incoming.Domain.Uuid);
            if (now is not null && now.Id == Incoming.Domain.Id)
            {
                Incoming.Domain.Destroy();
            }
        }
        catch (LibvirtException error) when (error.Code is LibvirtErrorCode.VIR_ERR_NO_DOMAIN or LibvirtErrorCode.VIR_ERR_OPERATION_INVALID)
        {
            // QEMU ended by itself.
        }
        catch (LibvirtException error)
        {
            logger.NotDestroyed(error.Message);
        }
    }

    public void Dispose()
    {
        Incoming.Dispose();
        Connection.Dispose();
    }
}
