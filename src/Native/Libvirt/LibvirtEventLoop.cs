// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Native.Libvirt;

/// <summary>The one thread on which libvirt delivers events, sends keepalives and notices that libvirtd is gone.</summary>
/// <remarks>
/// Theory of operation. libvirt has no thread of its own in a client. A connection hooks its socket into whatever event
/// implementation was registered before it was opened. If there was none it never hears of an event, and its keepalive is
/// refused. So <see cref="Connection.Open"/> starts the loop itself.
///
/// Invariant: callbacks on this thread only put something into a queue. One that blocks stops every connection's events.
/// </remarks>
public static unsafe class LibvirtEventLoop
{
    // The loop fails only if poll(2) does. Without a pause that would be a busy loop.
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromMilliseconds(100);

    private static readonly Lock Gate = new();

    // guarded by Gate
    private static bool _started;

    /// <summary>Prepares the library and starts the thread; does nothing if that was done before.</summary>
    public static void Start()
    {
        lock (Gate)
        {
            if (_started)
            {
                return;
            }

            // SAFETY: the handler is a static function and stays valid for the life of the process.
            LibvirtApi.virSetErrorFunc(0, &OnError);
            LibvirtException.ThrowIfFailed(LibvirtApi.virInitialize(), nameof(LibvirtApi.virInitialize));
            LibvirtException.ThrowIfFailed(
                LibvirtApi.virEventRegisterDefaultImpl(), nameof(LibvirtApi.virEventRegisterDefaultImpl));
            new Thread(Run) { IsBackground = true, Name = "libvirt events" }.Start();
            _started = true;
        }
    }

    private static void Run()
    {
        while (true)
        {
            if (LibvirtApi.virEventRunDefaultImpl() < 0)
            {
                Thread.Sleep(PauseAfterFailure);
            }
        }
    }

    // libvirt's own handler prints every error on stderr, also those that are an answer, such as "no such domain".
    [UnmanagedCallersOnly]
    private static void OnError(nint userData, nint error)
    {
    }
}
