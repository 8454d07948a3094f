// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Primary;

/// <summary>A look at QEMU that is given up when QEMU does not answer for a while.</summary>
/// <remarks>
/// Before the first commit a flush of the guest's waits, and a user who suspends the guest at that moment makes QEMU wait for it, with its monitor. The commit
/// would wait for our look, the look for the monitor: until libvirt gives up, half a minute later. Who gives up first ends the session, and the flush is made.
/// One thread at a time. A look that was given up goes on; the next call waits for it and begins no second one.
/// </remarks>
internal sealed class PatientCheck(Action check, TimeSpan patience)
{
    private Task? _running;

    /// <summary>Throws what the look throws, or <see cref="NotProtectableException"/> when it takes too long.</summary>
    public void Run()
    {
        Task running = _running ??= Task.Factory.StartNew(check, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        if (!((IAsyncResult)running).AsyncWaitHandle.WaitOne(patience))
        {
            throw new NotProtectableException("QEMU did not answer while the first checkpoint was made: somebody suspends the guest, perhaps");
        }
        _running = null;
        running.GetAwaiter().GetResult();
    }
}
