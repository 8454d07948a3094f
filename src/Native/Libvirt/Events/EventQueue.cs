// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Threading.Channels;

namespace Hikae.Native.Libvirt;

/// <summary>From libvirt's thread to one reader, with a bound and without waiting.</summary>
/// <remarks>
/// Theory of operation. libvirt's thread must never wait for a slow reader. When <see cref="Capacity"/> events are waiting, one
/// "missed" entry takes the place of everything that follows, until the reader has caught up. Two more places are kept free for
/// it and for the last entry, so that neither is ever lost.
///
/// Invariant: whatever was dropped happened before the reader takes the "missed" entry. If it lists the domains then, it knows
/// all there is to know.
/// </remarks>
/// <param name="missed">The entry that says that some are missing.</param>
internal sealed class EventQueue<T>(T missed)
    where T : class
{
    /// <summary>
    /// Entries that may wait. A guest's start or stop makes about five; a checkpoint that pauses the guest makes two. Twenty guests
    /// with ten checkpoints a second fill this in two and a half seconds, and a reader that is away longer hangs.
    /// </summary>
    internal const int Capacity = 1024;

    private readonly Channel<T> _channel = Channel.CreateBounded<T>(new BoundedChannelOptions(Capacity + 2) { SingleReader = true });
    private readonly Lock _gate = new();

    // guarded by _gate
    private bool _missedIsLast;

    internal ChannelReader<T> Reader => _channel.Reader;

    internal void Add(T entry)
    {
        lock (_gate)
        {
            if (_channel.Reader.Count < Capacity)
            {
                _channel.Writer.TryWrite(entry);
                _missedIsLast = false;
            }
            else if (!_missedIsLast)
            {
                _channel.Writer.TryWrite(missed);
                _missedIsLast = true;
            }
        }
    }

    /// <summary>Nothing comes after this.</summary>
    /// <param name="last">A last entry, or null. Goes in even if the queue is full.</param>
    internal void Complete(T? last)
    {
        lock (_gate)
        {
            if (last is not null)
            {
                _channel.Writer.TryWrite(last);
            }

            _channel.Writer.TryComplete();
        }
    }
}
