// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar;

/// <summary>Whether QEMU sends the guest somewhere: to another host, into a file. As long as that is so it is not protected, and others must be able to lock its images.</summary>
/// <remarks>
/// A guest that was sent whole may run on another host, or in none: libvirt ends this QEMU in a moment, or lets it go on when the other side failed. After
/// a dump it lets it go on in any case. So it counts as being sent until it is seen to run here. Any thread.
/// </remarks>
/// <param name="isRunning">Whether the guest runs here; asked only after it was sent whole.</param>
internal sealed class GuestMigration(Func<bool> isRunning)
{
    private const int None = 0;
    private const int Begun = 1;
    private const int Sent = 2;

    private int _state;

    /// <summary>False as long as none has begun, or after <see cref="Check"/> saw the end.</summary>
    public bool IsUnderWay => Volatile.Read(ref _state) is not None;

    public void Begin() => Volatile.Write(ref _state, Begun);

    /// <param name="isComplete">False: it failed, and the guest has never left.</param>
    public void End(bool isComplete) => Volatile.Write(ref _state, isComplete ? Sent : None);

    /// <summary>Throws <see cref="NotProtectableException"/> as long as it is under way.</summary>
    public void Check()
    {
        if (Volatile.Read(ref _state) is Sent && isRunning())
        {
            Interlocked.CompareExchange(ref _state, None, Sent);
        }
        if (IsUnderWay)
        {
            throw new NotProtectableException("the guest is being migrated, saved or dumped; its disks pass through until that is over");
        }
    }
}
