// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;

namespace Hikae.Host.Links;

/// <summary>Connections of strangers, of which only so many stay open: one more closes the oldest, so that silent ones cannot keep out one that speaks.</summary>
/// <param name="most">How many stay open.</param>
internal sealed class NewestConnections(int most)
{
    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly LinkedList<Socket> _open = [];

    /// <summary>Notes a new one, and closes the oldest when there are too many. Any thread.</summary>
    public LinkedListNode<Socket> Enter(Socket socket)
    {
        lock (_gate)
        {
            if (_open.Count >= most)
            {
                _open.First!.Value.Dispose();
                _open.RemoveFirst();
            }
            return _open.AddLast(socket);
        }
    }

    /// <summary>It is closed, or no stranger any more. Any thread.</summary>
    public void Leave(LinkedListNode<Socket> place)
    {
        lock (_gate)
        {
            // It may have made room for a newer one.
            if (place.List is not null)
            {
                _open.Remove(place);
            }
        }
    }
}
