// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Buffer;
using Hikae.Sidecar.Disk.Content;
using Hikae.Sidecar.Disk.Graph;
using Hikae.Sidecar.Disk.Images;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Disk.Primary;

/// <summary>The disks of the guest that runs on this host: served by this process, with what they have not yet written to their images.</summary>
/// <remarks>
/// Theory of operation. A disk is interposed when its guest is about to be protected, and stays so until protection is switched off or the guest ends: without
/// a backup its writes pass straight through. What an earlier process of this guest served (one that was killed, or the backup's after a failover) is served
/// first of all, before QEMU is asked anything.
///
/// Invariant: a buffer's file is deleted only when all of it is durable in its image, or when this host has lost the guest to another.
/// Main thread, but for <see cref="PassThrough"/> and <see cref="AllowImageWrites"/>.
/// </remarks>
internal sealed class GuestDisks : IDisposable
{
    private readonly string _runDirectory;
    private readonly Guid _guest;
    private readonly long _bufferBytes;
    private readonly DiskSockets _sockets;
    private readonly ILogger _logger;
    private readonly Lock _right = new();

    // replaced as a whole
    private volatile IReadOnlyList<GuestDiskServer> _servers = [];

    // guarded by _right
    private bool _mayWriteImages = true;

    /// <param name="options">The sidecar's.</param>
    /// <param name="logger">The sidecar's log.</param>
    /// <param name="content">Is told what the disks' blocks are; null: nobody wants to know.</param>
    public GuestDisks(SidecarOptions options, ILogger logger, ContentIndex? content = null)
    {
        Content = content;
        _runDirectory = options.RunDirectory;
        _guest = options.Guest;
        _bufferBytes = options.Configuration.Disk.BufferBytes;
        _sockets = new DiskSockets(options.ControlSocket, options.Guest, logger);
        _logger = logger;
    }

    /// <summary>What the disks' blocks are; null when that is not known. The caller's.</summary>
    public ContentIndex? Content { get; }

    /// <summary>Any disk: a checkpoint would make room in its buffer. Any thread.</summary>
    public event Action? CheckpointWanted;

    /// <summary>The interposed disks, in the order in which the backup is told of them.</summary>
    public IReadOnlyList<InterposedDisk> Interposed => [.. _servers.Select(server => server.Disk)];

    /// <summary>Bytes acknowledged to the guest and not yet in the images.</summary>
    public long BufferedBytes => _servers.Sum(server => server.Disk.Served.BufferedBytes);

    /// <summary>The file by which <see cref="BlockGraph"/> knows what is interposed.</summary>
    public static string StateFile(string runDirectory, Guid guest) => Path.Combine(runDirectory, $"{guest:D}-disks.json");

    /// <summary>
    /// Serves what is interposed according to the graph's file. Neither libvirt nor QEMU is asked: either may be waiting for exactly this, or not be there. Nothing is
    /// written to an image before <see cref="PassThrough"/>.
    /// </summary>
    public void ServeRemembered()
    {
        IReadOnlyList<InsertedDisk> remembered = new InsertedDisks(StateFile(_runDirectory, _guest)).All;
        if (remembered.Count > 0)
        {
            _logger.DisksServedAgain(string.Join(", ", remembered.Select(disk => disk.Disk.Target)));
        }
        foreach (InsertedDisk inserted in remembered)
        {
            if (Find(inserted.Disk.Alias) is null)
            {
                FileOwner qemu = FileOwner.Of(Path.GetDirectoryName(inserted.SocketPath)!);
                Serve(inserted.Disk, inserted.SocketPath, qemu, takesOver: true, inserted.Inode).Image.Lock(inserted.Disk.Format);
            }
        }
    }

    /// <summary>Interposes every writable disk that is not yet. The guest stands still.</summary>
    /// <param name="graph">The guest's block graph.</param>
    /// <param name="found">What <see cref="BlockGraph.Discover"/> found.</param>
    /// <param name="domainDirectory">libvirt's folder of this domain: QEMU's user may connect to sockets there.</param>
    /// <param name="takesOver">
    /// The guest comes from another host: the buffers hold writes of it that are not in the images, which that host may have written since this one read them. Else
    /// whatever lies in a buffer is of another life.
    /// </param>
    public void Interpose(BlockGraph graph, IReadOnlyList<GuestDisk> found, string domainDirectory, bool takesOver)
    {
        FileOwner qemu = FileOwner.Of(domainDirectory);
        foreach (GuestDisk disk in found)
        {
            string path = Path.Combine(domainDirectory, $"hikae-{disk.Alias}.sock");
            if (Find(disk.Alias) is not null)
            {
                continue;
            }
            GuestDiskServer server = Serve(disk, path, qemu, takesOver);
            try
            {
                graph.Insert(disk, path);
            }
            catch (QemuMonitorException)
            {
                Drop(disk.Alias);
                throw;
            }
            // QEMU's own locks are gone with its node.
            server.Image.Lock(disk.Format);
        }
    }

    /// <summary>Disks whose image is not what its path names any more: whoever opens that finds another file, or none.</summary>
    public IEnumerable<GuestDisk> Displaced => _servers.Where(server => !server.Image.IsStillAt(server.GraphDisk.ImagePath)).Select(server => server.GraphDisk);

    /// <summary>Whether one of <paramref name="found"/> is not served.</summary>
    public bool IsMissing(IReadOnlyList<GuestDisk> found) => found.Any(disk => Find(disk.Alias) is null);

    /// <summary>
    /// After an insertion that was cut short, or an unplugging that nobody saw: what QEMU's graph does not have of ours is served no more. An unplugged disk whose
    /// writes are not in its image stays until <see cref="ForgetUnplugged"/>. The guest stands still.
    /// </summary>
    public void Recover(BlockGraph graph)
    {
        // What is given back to QEMU is locked by it.
        SetLocked(false);
        graph.Recover(alias => Find(alias) is { Disk.Buffer.IsEmpty: false });
        HashSet<string> kept = [.. graph.Remembered.Select(disk => disk.Disk.Alias)];
        foreach (GuestDiskServer server in _servers.Where(server => !kept.Contains(server.GraphDisk.Alias)))
        {
            Drop(server.GraphDisk.Alias);
        }
        SetLocked(true);
    }

    /// <summary>Whether one of the served disks is none of the guest's any more.</summary>
    /// <param name="found">What <see cref="BlockGraph.Discover"/> found.</param>
    public bool HasUnplugged(IReadOnlyList<GuestDisk> found) => Unplugged(found).Any();

    /// <summary>Drops disks that were unplugged. Everything is drained.</summary>
    public void ForgetUnplugged(IReadOnlyList<GuestDisk> found, BlockGraph graph)
    {
        foreach (GuestDiskServer server in Unplugged(found))
        {
            graph.Forget(server.GraphDisk);
            Drop(server.GraphDisk.Alias);
        }
    }

    /// <summary>Whether nobody else may open the images for writing. Not while the guest moves to another host.</summary>
    public void SetLocked(bool locked)
    {
        foreach (GuestDiskServer server in _servers)
        {
            if (locked)
            {
                server.Image.Lock(server.GraphDisk.Format);
            }
            else
            {
                server.Image.Unlock();
            }
        }
    }

    /// <summary>Gives the disks back to QEMU. The guest stands still, and everything is drained.</summary>
    public void Restore(BlockGraph graph)
    {
        foreach (GuestDiskServer server in _servers)
        {
            server.Image.Unlock();
            if (graph.IsPlugged(server.GraphDisk))
            {
                graph.Remove(server.GraphDisk);
            }
            else
            {
                graph.Forget(server.GraphDisk);
            }
            Drop(server.GraphDisk.Alias);
        }
    }

    /// <summary>From now on writes go to the images, after what is buffered. Any thread; does not wait.</summary>
    public void PassThrough()
    {
        foreach (GuestDiskServer server in _servers)
        {
            server.Disk.Served.PassThrough();
        }
    }

    /// <summary>Whether the images may be written: not while another host may be writing them. Any thread. A write that is under way is not waited for.</summary>
    public void AllowImageWrites(bool allowed)
    {
        lock (_right)
        {
            _mayWriteImages = allowed;
            foreach (GuestDiskServer server in _servers)
            {
                server.Disk.Served.AllowImageWrites(allowed);
            }
        }
    }

    /// <summary>Waits until nothing is buffered any more. False: not within <paramref name="limit"/>.</summary>
    public bool WaitDrained(TimeSpan limit)
    {
        long started = TimeProvider.System.GetTimestamp();
        foreach (GuestDiskServer server in _servers)
        {
            TimeSpan left = limit - TimeProvider.System.GetElapsedTime(started);
            if (!server.Disk.Served.WaitDrained(left > TimeSpan.Zero ? left : TimeSpan.Zero))
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>After writes were forbidden: waits until none is under way. False: not within <paramref name="limit"/>.</summary>
    public bool WaitImagesIdle(TimeSpan limit) => _servers.All(server => server.Disk.Served.WaitImageIdle(limit));

    /// <summary>After writes were forbidden and none is under way: what was written is on the storage, not only in this host's memory.</summary>
    public void FlushImages()
    {
        foreach (GuestDiskServer server in _servers)
        {
            server.Image.Flush();
        }
    }

    /// <summary>The first trouble of an image; null when all is well.</summary>
    public string? Trouble => _servers.Select(server => server.Disk.Served.ImageTrouble).FirstOrDefault(trouble => trouble is not null);

    /// <summary>The guest is gone from here: after a drain, or because another host has it. Nothing more is written, and nothing is kept.</summary>
    public void Forget()
    {
        foreach (GuestDiskServer server in _servers)
        {
            Drop(server.GraphDisk.Alias);
        }
        File.Delete(StateFile(_runDirectory, _guest));
    }

    /// <summary>Ends the servers. Buffers, sockets and QEMU's graph stay as they are, for the next process.</summary>
    public void Dispose()
    {
        foreach (GuestDiskServer server in _servers)
        {
            server.Dispose();
        }
        _servers = [];
    }

    /// <summary>A disk with what is buffered for it, which nobody can connect to yet. One that takes over holds its writes until <see cref="PassThrough"/>.</summary>
    /// <param name="disk">Of the guest.</param>
    /// <param name="takesOver">As in <see cref="Interpose"/>.</param>
    /// <param name="inode">Of the image that was served before; null: whatever is there.</param>
    public GuestDiskServer Open(GuestDisk disk, bool takesOver, ulong? inode = null)
    {
        FileImage image = OpenImage(disk, takesOver, inode);
        EpochBuffer? buffer = null;
        try
        {
            buffer = takesOver
                ? BufferFiles.Recover(_runDirectory, _guest, disk.Alias, _bufferBytes)
                : BufferFiles.OpenEmpty(_runDirectory, _guest, disk.Alias, _bufferBytes);
            DiskContent? content = Content?.AddDisk();
            var served = new ServedDisk(disk.Alias, image, buffer, disk.ExportBytes, _logger, holds: takesOver, content);
            served.CheckpointWanted += () => CheckpointWanted?.Invoke();
            var server = new GuestDiskServer(disk, image, buffer, served, content);
            lock (_right)
            {
                // In one step: who forbids it at this moment must find this disk, too.
                served.AllowImageWrites(_mayWriteImages);
                _servers = [.. _servers, server];
            }
            return server;
        }
        catch
        {
            buffer?.Dispose();
            image.Dispose();
            throw;
        }
    }

    // "virsh undefine --nvram", on either host, deletes the store of a guest that runs, and the next domain that libvirt makes gets a new one from the template. What this guest
    // writes does not belong there. Nothing reads the file while the guest runs, which would stand still without a server.
    private FileImage OpenImage(GuestDisk disk, bool dropCache, ulong? inode)
    {
        try
        {
            var image = FileImage.Open(disk.ImagePath, dropCache);
            if (!disk.IsFirmwareStore || image.Is(inode))
            {
                return image;
            }
            image.Dispose();
        }
        catch (LinuxException error) when (disk.IsFirmwareStore && error.IsNotFound)
        {
        }

        _logger.FirmwareStoreGone(disk.ImagePath);
        string nameless = Path.Combine(_runDirectory, $"{_guest:D}-{disk.Alias}.gone");
        File.Create(nameless).Dispose();
        try
        {
            return FileImage.Open(nameless);
        }
        finally
        {
            File.Delete(nameless);
        }
    }

    private IEnumerable<GuestDiskServer> Unplugged(IReadOnlyList<GuestDisk> found) =>
        _servers.Where(server => !found.Any(disk => disk.Alias == server.GraphDisk.Alias));

    private GuestDiskServer? Find(string alias) => _servers.FirstOrDefault(server => server.GraphDisk.Alias == alias);

    private GuestDiskServer Serve(GuestDisk disk, string path, FileOwner qemu, bool takesOver, ulong? inode = null)
    {
        GuestDiskServer server = Open(disk, takesOver, inode);
        try
        {
            server.Disk.Served.Serve(_sockets.Listen(path, qemu));
            return server;
        }
        catch
        {
            // Its buffer stays.
            _servers = [.. _servers.Where(other => other != server)];
            server.Dispose();
            throw;
        }
    }

    private void Drop(string alias)
    {
        if (Find(alias) is { } server)
        {
            _servers = [.. _servers.Where(other => other != server)];
            server.Dispose();
            BufferFiles.Delete(_runDirectory, _guest, alias);
        }
    }
}
