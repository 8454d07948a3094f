// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Native.Linux;

namespace Hikae.Sidecar.Capture;

/// <summary>QEMU's I/O threads, which must not be held up while QEMU stops the guest.</summary>
/// <remarks>
/// Theory of operation. QEMU 10 loses an interrupt of a disk with an I/O thread: the thread that ends the last request says so to the main thread, which
/// waits for it to stop the guest, and only then writes the interrupt's eventfd (hw/virtio/virtio.c, virtio_notify_irqfd, within the defer_call section of
/// block/linux-aio.c, block/io_uring.c and util/thread-pool.c). If the main thread gets the processor in between, it has taken the eventfd away meanwhile
/// (hw/block/virtio-blk.c, virtio_blk_stop_ioeventfd). The guest then waits for that disk for ever: as it has not seen the end of the one request, QEMU
/// does not announce any later one. On a full machine it was one stop in three; a waking thread takes the processor from the one that wakes it.
/// A real-time thread is not held up so, and the main thread needs longer to wake up than the I/O thread for the rest.
///
/// Disks that this sidecar serves do not come to it: what the NBD driver ends has no such section. So it is about the stop before they are put in, and about
/// disks that are left alone.
/// </remarks>
/// <param name="monitor">The guest's monitor.</param>
/// <param name="qemuPid">Its QEMU, as this process sees it.</param>
internal sealed class IoThreads(QemuMonitor monitor, int qemuPid)
{
    private int[] _threads = [];

    /// <summary>Asks QEMU which there are: before the first stop, and when there may be others. Null, or why they cannot be put before other threads here.</summary>
    public string? Find()
    {
        HashSet<string> ids = [.. monitor.Execute("query-iothreads").EnumerateArray().Select(thread => thread.GetProperty("thread-id").GetInt64().ToString(CultureInfo.InvariantCulture))];
        _threads = ids.Count == 0
            ? []
            : [.. Directory.EnumerateDirectories($"/proc/{qemuPid}/task").Where(task => ids.Contains(OwnId(task))).Select(task => int.Parse(Path.GetFileName(task), CultureInfo.InvariantCulture))];
        string? trouble = null;
        foreach (int thread in _threads)
        {
            try
            {
                ThreadScheduling before = ThreadScheduling.Of(thread);
                ThreadScheduling.BeforeOthers.ApplyTo(thread);
                // A sidecar that was killed at that moment left it so; nobody else combines these two.
                (before == ThreadScheduling.BeforeOthers ? ThreadScheduling.Ordinary : before).ApplyTo(thread);
            }
            catch (LinuxException error) when (Directory.Exists($"/proc/{qemuPid}/task/{thread}"))
            {
                trouble = $"QEMU's I/O threads cannot be put before other threads, and without that QEMU may lose a disk's interrupt when the guest is stopped: {error.Message}";
            }
            catch (LinuxException)
            {
                // It has ended meanwhile.
            }
        }
        return trouble;
    }

    /// <summary>From before QEMU is told to stop the guest until it stands still: dispose what this gives then. A guest that has to stop stops, whatever this can do.</summary>
    public Undisturbed HoldNothingUp()
    {
        int[] threads = _threads;
        var before = new ThreadScheduling?[threads.Length];
        for (int i = 0; i < threads.Length; i++)
        {
            try
            {
                before[i] = ThreadScheduling.Of(threads[i]);
                ThreadScheduling.BeforeOthers.ApplyTo(threads[i]);
            }
            catch (LinuxException)
            {
                // It has ended, or what could be done at the beginning cannot any more.
            }
        }
        return new Undisturbed(threads, before);
    }

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

    /// <summary>While this lives they go before others.</summary>
    internal readonly struct Undisturbed(int[] threads, ThreadScheduling?[] before) : IDisposable
    {
        public void Dispose()
        {
            for (int i = 0; i < threads.Length; i++)
            {
                try
                {
                    before[i]?.ApplyTo(threads[i]);
                }
                catch (LinuxException)
                {
                    // It has ended meanwhile.
                }
            }
        }
    }
}
