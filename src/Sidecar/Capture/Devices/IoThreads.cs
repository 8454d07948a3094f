// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Native.Libvirt;
using Hikae.Native.Linux;

namespace Hikae.Sidecar.Capture;

/// <summary>QEMU's I/O threads, which must not be held up while QEMU stops the guest.</summary>
/// <remarks>
/// Theory of operation. QEMU 10 loses an interrupt of a disk with an I/O thread: the thread that ends the last request says so to the main thread, which
/// waits for it to stop the guest, and only then writes the interrupt's eventfd (hw/virtio/virtio.c, virtio_notify_irqfd, within the defer_call section of
/// block/linux-aio.c, block/io_uring.c and util/thread-pool.c). If the main thread goes on in between, it has taken the eventfd away meanwhile
/// (hw/block/virtio-blk.c, virtio_blk_stop_ioeventfd; hw/scsi/virtio-scsi-dataplane.c, virtio_scsi_dataplane_stop). The guest then waits for that disk for
/// ever: as it has not seen the end of the one request, QEMU does not announce any later one. On a full machine it was one stop in three; a waking thread
/// takes the processor from the one that wakes it.
///
/// So from before a stop until the guest stands still, the I/O threads have a real-time policy, and they and the main thread share one processor: the main
/// thread cannot run before a section has ended. Where their control groups have no processor in common, the first alone makes it rare.
/// </remarks>
/// <param name="monitor">The guest's monitor.</param>
/// <param name="qemuPid">Its QEMU, as this process sees it.</param>
internal sealed class IoThreads(QemuMonitor monitor, int qemuPid)
{
    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly List<(int Thread, ThreadScheduling Before)> _raised = [];
    private readonly List<(int Thread, ulong[] Before)> _moved = [];
    private int[]? _threads;
    private int _holders;

    /// <summary>Before a session, as I/O threads may have come since the last one.</summary>
    /// <exception cref="NotProtectableException">They cannot be put before other threads here.</exception>
    public void Require()
    {
        lock (_gate)
        {
            Find();
            if (_holders > 0)
            {
                return;
            }
            foreach (int thread in _threads!.Where(Exists))
            {
                try
                {
                    ThreadScheduling before = ThreadScheduling.Of(thread);
                    ThreadScheduling.BeforeOthers.ApplyTo(thread);
                    before.ApplyTo(thread);
                }
                catch (LinuxException error) when (Exists(thread))
                {
                    throw new NotProtectableException($"QEMU's I/O threads cannot be put before other threads, and without that QEMU may lose a disk's interrupt when the guest is stopped: {error.Message}");
                }
                catch (LinuxException)
                {
                    // It has ended meanwhile.
                }
            }
        }
    }

    /// <summary>A sidecar that was killed at that moment left them so; nobody else combines this policy with this flag.</summary>
    public void Survive()
    {
        lock (_gate)
        {
            TryFind();
            foreach (int thread in _threads ?? [])
            {
                try
                {
                    if (ThreadScheduling.Of(thread) == ThreadScheduling.BeforeOthers)
                    {
                        // All that the control groups allow, which is where libvirt puts an administrator's wishes.
                        ThreadAffinity.Set(qemuPid, ThreadAffinity.Everywhere);
                        ThreadAffinity.Set(thread, ThreadAffinity.Everywhere);
                        ThreadScheduling.Ordinary.ApplyTo(thread);
                    }
                }
                catch (LinuxException)
                {
                    // It has ended meanwhile, or nobody here can change it.
                }
            }
        }
    }

    /// <summary>From before QEMU is told to stop the guest: dispose what this gives when it stands still. A guest that has to stop stops, whatever this can do.</summary>
    public IDisposable BeforeOthers()
    {
        lock (_gate)
        {
            if (_threads is null)
            {
                TryFind();
            }
            if (_holders++ == 0)
            {
                Raise();
            }
        }
        return new Hold(this);
    }

    // Under _gate, as what follows.
    private void TryFind()
    {
        try
        {
            Find();
        }
        catch (Exception error) when (error is QemuMonitorException or LibvirtException or NotProtectableException or ObjectDisposedException or IOException)
        {
            // Asked again before the next stop.
        }
    }

    private void Find()
    {
        HashSet<string> ids = [.. monitor.Execute("query-iothreads").EnumerateArray().Select(thread => thread.GetProperty("thread-id").GetInt64().ToString(CultureInfo.InvariantCulture))];
        int[] threads = ids.Count == 0
            ? []
            : [.. Directory.EnumerateDirectories($"/proc/{qemuPid}/task").Where(task => ids.Contains(OwnId(task))).Select(task => int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture))];
        _threads = threads.Length == ids.Count
            ? threads
            : throw new NotProtectableException($"of the {ids.Count} I/O threads that QEMU names only {threads.Length} are found in /proc/{qemuPid}/task");
    }

    private void Raise()
    {
        int[] threads = [.. (_threads ?? []).Where(Exists)];
        if (threads.Length == 0)
        {
            return;
        }
        foreach (int thread in threads)
        {
            try
            {
                ThreadScheduling before = ThreadScheduling.Of(thread);
                if (before.IsOrdinary)
                {
                    ThreadScheduling.BeforeOthers.ApplyTo(thread);
                    _raised.Add((thread, before));
                }
            }
            catch (LinuxException)
            {
                // It has ended, or what could be done at the beginning cannot any more.
            }
        }
        ShareProcessor([qemuPid, .. threads]);
    }

    private void ShareProcessor(int[] threads)
    {
        try
        {
            ulong[][] before = [.. threads.Select(ThreadAffinity.Of)];
            if (ThreadAffinity.Common(before) is not { } processor)
            {
                return;
            }
            for (int i = 0; i < threads.Length; i++)
            {
                ThreadAffinity.Set(threads[i], processor);
                _moved.Add((threads[i], before[i]));
            }
        }
        catch (LinuxException)
        {
            // One has ended, or this host has more processors than a mask: the policy alone must do.
        }
    }

    private void Release()
    {
        lock (_gate)
        {
            if (--_holders > 0)
            {
                return;
            }
            foreach ((int thread, ulong[] before) in _moved)
            {
                Try(() => ThreadAffinity.Set(thread, before));
            }
            foreach ((int thread, ThreadScheduling before) in _raised)
            {
                Try(() => before.ApplyTo(thread));
            }
            _moved.Clear();
            _raised.Clear();
        }
    }

    private static void Try(Action change)
    {
        try
        {
            change();
        }
        catch (LinuxException)
        {
            // It has ended meanwhile.
        }
    }

    private bool Exists(int thread) => Directory.Exists($"/proc/{qemuPid}/task/{thread}");

    // QEMU may be in a PID namespace of its own; the last number is that of the innermost.
    private static string OwnId(string task)
    {
        try
        {
            return File.ReadLines($"{task}/status").First(line => line.StartsWith("NSpid:", StringComparison.Ordinal)).Split('\t')[^1];
        }
        catch (Exception error) when (error is IOException or InvalidOperationException)
        {
            return "";
        }
    }

    private sealed class Hold(IoThreads owner) : IDisposable
    {
        private IoThreads? _owner = owner;

        public void Dispose() => Interlocked.Exchange(ref _owner, null)?.Release();
    }
}
