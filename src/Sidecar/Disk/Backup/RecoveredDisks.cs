// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Graph;
using Hikae.Sidecar.Disk.Primary;
using Hikae.Sidecar.Recovery;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Disk.Backup;

/// <summary>The disks of a guest that continues here: their images with the writes over them that the former primary had not yet brought into the images.</summary>
/// <remarks>
/// Nothing is written to an image until the former primary can no longer do so. A late write of it can only hit what the buffer masks, as it
/// kept every write in its own buffer for at least as long. A guest's flush waits for the image, too: nobody else holds those writes now.
/// Main thread, but for <see cref="AllowImageWrites"/>.
/// </remarks>
internal sealed class RecoveredDisks(SidecarOptions options, ILogger logger) : IDisposable
{
    private static readonly TimeSpan DrainReport = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();

    // guarded by _gate
    private GuestDisks? _disks;
    private bool _mayWriteImages;

    /// <summary>Serves the disks and puts them in the place of the incoming domain's own, while its QEMU is empty. Also a second time, for another domain.</summary>
    /// <param name="domain">The incoming domain.</param>
    /// <param name="replica">The disks as the checkpoint has them. None: their writes were not held, and the domain keeps its own.</param>
    public void PutInPlace(Domain domain, IReadOnlyList<DiskInfo> replica)
    {
        Dispose();
        if (replica.Count == 0)
        {
            return;
        }
        string stateFile = GuestDisks.StateFile(options.RunDirectory, options.Guest);
        File.Delete(stateFile);
        using QemuProcess process = QemuProcess.Find(options.LibvirtStateDirectory, domain.Name, options.Uuid);
        var graph = new BlockGraph(new QemuMonitor(domain), () => domain, process.CommandLine, stateFile);
        IReadOnlyList<GuestDisk> found = graph.Discover();
        foreach (DiskInfo disk in replica)
        {
            if (!found.Any(one => one.Alias == disk.Alias && one.ImagePath == disk.Image && one.Format == disk.Format))
            {
                throw new RecoveryException($"the checkpoint has writes to {disk.Alias} ({disk.Image}), but the domain has no such disk");
            }
        }
        if (found.Count != replica.Count)
        {
            throw new RecoveryException($"the checkpoint has {replica.Count} disks, the domain {found.Count} that can be written");
        }
        var disks = new GuestDisks(options.RunDirectory, options.Guest, new DiskSockets(options.ControlSocket, options.Guest, logger), logger);
        lock (_gate)
        {
            _disks = disks;
            disks.AllowImageWrites(_mayWriteImages);
        }
        disks.Interpose(graph, found, DomainDirectory.Of(domain), takesOver: true);
    }

    /// <summary>The guest runs: what it writes follows what is buffered.</summary>
    public void PassThrough() => _disks?.PassThrough();

    /// <summary>The former primary can write no more. Any thread.</summary>
    public void AllowImageWrites()
    {
        lock (_gate)
        {
            _mayWriteImages = true;
            _disks?.AllowImageWrites(true);
        }
    }

    /// <summary>Waits until the images hold everything, so that another process can serve them on.</summary>
    public void Drain()
    {
        while (_disks is { } disks && !disks.WaitDrained(DrainReport))
        {
            logger.StillDraining(disks.BufferedBytes, disks.Trouble ?? "the former primary's lease has not run out, or the storage is slow");
        }
    }

    /// <summary>The guest did not run here: nothing is kept.</summary>
    /// <param name="replica">Disks whose buffers may lie here.</param>
    public void Forget(IReadOnlyList<DiskInfo> replica)
    {
        lock (_gate)
        {
            _disks?.Forget();
            _disks?.Dispose();
            _disks = null;
        }
        foreach (DiskInfo disk in replica)
        {
            BufferFiles.Delete(options.RunDirectory, options.Guest, disk.Alias);
        }
    }

    /// <summary>Ends the servers; buffers, sockets and QEMU's graph stay as they are.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _disks?.Dispose();
            _disks = null;
        }
    }
}
