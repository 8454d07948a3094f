// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Protocol.Control;

namespace Hikae.Sidecar;

/// <summary>Asks the daemon whether the host's memory budget has room for a replica that is not whole yet.</summary>
internal sealed class ReplicaRoom(string controlSocket, Guid guest)
{
    // It answers within a millisecond. Heartbeats go on meanwhile, so that the primary sees no silence.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <summary>Why there is none; null: there is room, or nobody who could say otherwise. Does not wait for long.</summary>
    public string? WhyNot()
    {
        try
        {
            return Ask() is { Ok: false, Message: var reason } ? reason : null;
        }
        catch (Exception error) when (error is SocketException or ControlProtocolException)
        {
            // A budget is no reason to leave a guest unprotected while the daemon is restarted.
            return null;
        }
    }

    private Result? Ask()
    {
        using Socket control = ControlSocket.Connect(controlSocket, Patience);
        control.Send(ControlFrame.Write(new AskRoom(guest)));
        return ControlSocket.Receive(control).FirstOrDefault() as Result;
    }
}
