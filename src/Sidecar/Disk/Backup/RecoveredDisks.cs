// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Graph;
using Hikae.Sidecar.Disk.Nbd;
using Hikae.Sidecar.Disk.Primary;
using Hikae.Sidecar.PageStore;
using Hikae.Sidecar.Recovery;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Disk.Backup;

/// <summary>The disks of a guest that continues here: their images with the writes over them that the former primary had not yet brought into the images.</summary>
/// <remarks>
/// Nothing is written to an image until the former primary can no longer do so. A late write of it can only hit what the buffer masks, as it
/// kept every write in its own buffer for at least as long. A guest's flush waits for the image, too: nobody else holds those writes now.
///
/// Pages of the checkpoint may be references to these disks. They are read here, as of the checkpoint, for as long as memory is supplied.
///
/// Should this process be killed meanwhile, the next one finds the buffers, what was put in QEMU's graph, and the mark, and serves on. The guest's lock keeps
/// any two processes from serving one disk.
/// Main thread, but for <see cref="AllowImageWrites"/> and <see cref="TryRead"/>.
/// </remarks>
internal sealed class RecoveredDisks(SidecarOptions options, ILogger logger) : IDiskBlocks, IDisposable
{
    private static readonly TimeSpan DrainReport = TimeSpan.FromSeconds(10);

    // The guest runs, and a page that cannot be read ends it: storage that is away for a moment is waited for.
    private static readonly TimeSpan StoragePatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StorageRetry = TimeSpan.FromMilliseconds(200);

    // Five seconds: what a host remembers of another one's file is no older.
    private const int MaxAttempts = 25;

    private readonly Lock _gate = new();

    // guarded by _gate
    private GuestDisks? _disks;
    private bool _mayWriteImages;

    // replaced as a whole
    private volatile Source?[] _sources = [];

    // main thread only
    private SidecarLock? _single;

    /// <summary>Whether the guest has disks that only this process gets to their images.</summary>
    public bool IsServing => _disks is not null;

    /// <summary>Serves the disks and puts them in the place of the incoming domain's own, while its QEMU is empty. Also a second time, for another domain.</summary>
    /// <param name="domain">The incoming domain.</param>
    /// <param name="replica">The disks as the checkpoint has them. None: their writes were not held, and the domain keeps its own.</param>
    /// <param name="referenced">Of each of these, the blocks that pages of the checkpoint refer to.</param>
    public void PutInPlace(Domain domain, IReadOnlyList<DiskInfo> replica, IReadOnlyList<ReferencedBlocks> referenced)
    {
        Dispose();
        string stateFile = GuestDisks.StateFile(options.RunDirectory, options.Guest);
        if (replica.Count == 0)
        {
            File.Delete(stateFile);
            return;
        }
        GuestDisks disks = TryBegin() ?? throw new RecoveryException("another sidecar on this host serves the guest's disks");
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
        disks.Interpose(graph, found, DomainDirectory.Of(domain), takesOver: true);
        _sources = [.. replica.Select((disk, i) => Keep(disks, disk, referenced[i]))];
    }

    /// <inheritdoc/>
    public bool TryRead(int disk, long block, int attempt, Span<byte> destination)
    {
        Source?[] sources = _sources;
        Source source = (disk < sources.Length ? sources[disk] : null) ?? throw new RecoveryException($"a page is on disk {disk}, which is not served");
        if (attempt > MaxAttempts)
        {
            return false;
        }
        if (attempt > 0)
        {
            Thread.Sleep(StorageRetry);
            source.Served.DropCached(block * destination.Length, destination.Length);
        }
        source.Kept.Read(block, destination);
        return true;
    }

    /// <summary>All memory is there: the disks are the guest's alone.</summary>
    public void ForgetCheckpoint()
    {
        foreach (InterposedDisk disk in _disks?.Interposed ?? [])
        {
            disk.Served.Guard = null;
        }
        _sources = [];
    }

    /// <summary>
    /// Serves what an earlier process, or this object, served: before QEMU is asked anything, as it may be waiting for exactly this. The guest has run. False:
    /// another sidecar serves the disks by now.
    /// </summary>
    public bool TryServeAgain()
    {
        Dispose();
        if (new InsertedDisks(GuestDisks.StateFile(options.RunDirectory, options.Guest)).All.Count == 0)
        {
            return true;
        }
        if (TryBegin() is not { } disks)
        {
            return false;
        }
        disks.ServeRemembered();
        disks.PassThrough();
        return true;
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
        }
        Dispose();
        foreach (DiskInfo disk in replica)
        {
            BufferFiles.Delete(options.RunDirectory, options.Guest, disk.Alias);
        }
        if (!DrainMark.IsAnothers(options))
        {
            DrainMark.Clear(options);
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
        _single?.Dispose();
        _single = null;
    }

    private static Source? Keep(GuestDisks disks, DiskInfo replica, ReferencedBlocks referenced)
    {
        if (referenced.IsEmpty)
        {
            return null;
        }
        // The guest's memory is not there yet, so nothing writes.
        ServedDisk served = disks.Interposed.First(disk => disk.Info.Alias == replica.Alias).Served;
        var kept = new KeptBlocks((offset, destination) => ReadPatiently(served, offset, destination), referenced);
        served.Guard = kept;
        return new Source(kept, served);
    }

    private static void ReadPatiently(INbdExport disk, long offset, Span<byte> destination)
    {
        long started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                disk.Read(offset, destination);
                return;
            }
            catch (Exception error) when (error is IOException or Native.Linux.LinuxException)
            {
                if (TimeProvider.System.GetElapsedTime(started) > StoragePatience)
                {
                    throw new RecoveryException($"a page of the guest cannot be read from its disk {disk.Name}: {error.Message}", error);
                }
                Thread.Sleep(StorageRetry);
            }
        }
    }

    private sealed record Source(KeptBlocks Kept, ServedDisk Served);

    private GuestDisks? TryBegin()
    {
        _single = SidecarLock.Take(options.RunFile("lock"));
        if (_single is null)
        {
            return null;
        }
        DrainMark.Set(options);
        var disks = new GuestDisks(options, logger);
        lock (_gate)
        {
            _disks = disks;
            disks.AllowImageWrites(_mayWriteImages);
        }
        return disks;
    }
}
