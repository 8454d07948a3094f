// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Hikae.Native.Linux;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Disk.Graph;

/// <summary>A running guest's disks in QEMU's block graph: which there are, our node in their place, and whether it is still there.</summary>
/// <remarks>
/// Insert, Remove and Recover want the guest stopped (QMP "stop") and our NBD servers answering: without a server QEMU's main loop waits for it, and the
/// guest with it. A sidecar that is started after one was killed serves <see cref="Remembered"/> before it sends any monitor command, then calls
/// <see cref="Recover"/>. While a disk is inserted, none of libvirt's nodes of it exist, so that snapshots, block jobs, resize and backups fail
/// in QEMU before data moves. One thread at a time.
/// </remarks>
internal sealed class BlockGraph
{
    private readonly QemuMonitor _monitor;
    private readonly Func<Domain> _domain;
    private readonly IReadOnlyList<string> _commandLine;
    private readonly InsertedDisks _inserted;

    /// <param name="monitor">The guest's monitor.</param>
    /// <param name="domain">The guest; asked anew each time, for connections that are opened again.</param>
    /// <param name="commandLine">QEMU's, as the kernel tells it: the original options of the disks stand there.</param>
    /// <param name="stateFile">On tmpfs: what a later sidecar must know.</param>
    public BlockGraph(QemuMonitor monitor, Func<Domain> domain, IReadOnlyList<string> commandLine, string stateFile)
    {
        _monitor = monitor;
        _domain = domain;
        _commandLine = commandLine;
        _inserted = new InsertedDisks(stateFile);
    }

    /// <summary>Put before an image's path to find it from here. Empty, except where the guest's host is another root directory than ours.</summary>
    public string FileRoot { get; init; } = "";

    /// <summary>Disks that we may stand in, by the file alone: no monitor command is sent.</summary>
    public IReadOnlyList<InsertedDisk> Remembered => _inserted.All;

    /// <summary>The disks the guest can write. Throws <see cref="NotProtectableException"/> naming every disk that is in the way, and why.</summary>
    public IReadOnlyList<GuestDisk> Discover() => new DiskSearch(_monitor, _commandLine, _inserted).Run(_domain().GetXml(DomainXmlFlags.None));

    /// <summary>
    /// Our node in, libvirt's out. Nothing happens to a disk that is inserted. Fails with <see cref="QemuMonitorException"/>: all is as before;
    /// with <see cref="LinuxException"/>: the image cannot be looked at; with <see cref="BlockGraphException"/>: the guest must stay stopped. Afterwards nobody holds QEMU's locks on the image: take them.
    /// </summary>
    /// <param name="disk">Of <see cref="Discover"/>.</param>
    /// <param name="socketPath">Where our server answers, as QEMU names the path.</param>
    public void Insert(GuestDisk disk, string socketPath)
    {
        string image = FileRoot + disk.ImagePath;
        var inserted = new InsertedDisk(disk, socketPath, FileOwner.Of(image), FileIdentity.Of(image)?.Inode);
        bool known = _inserted.Find(disk.Alias) is not null;
        _inserted.Add(inserted);
        try
        {
            new DiskInsertion(_monitor, inserted).Insert();
        }
        catch (QemuMonitorException) when (!known)
        {
            _inserted.Remove(disk.Alias);
            throw;
        }
    }

    /// <summary>
    /// libvirt's nodes back, ours out. The server passes through (what is closed writes tables), its locks on the image are dropped. Nothing happens to a
    /// disk that is not inserted. Fails with <see cref="QemuMonitorException"/>: the disk is ours still; with <see cref="BlockGraphException"/>: the guest must
    /// stay stopped.
    /// </summary>
    public void Remove(GuestDisk disk)
    {
        if (_inserted.Find(disk.Alias) is { } inserted)
        {
            Remove(inserted);
        }
    }

    /// <summary>The device is unplugged and its buffer is in the image: our nodes go, and what we remember of it.</summary>
    public void Forget(GuestDisk disk)
    {
        if (_inserted.Find(disk.Alias) is { } inserted)
        {
            new DiskInsertion(_monitor, inserted).DeleteOurs();
            _inserted.Remove(disk.Alias);
        }
    }

    /// <summary>The device has our node and nothing else stands there.</summary>
    public bool IsInserted(GuestDisk disk) =>
        _inserted.Find(disk.Alias) is { } inserted && IsPlugged(disk) && new DiskInsertion(_monitor, inserted).IsComplete;

    /// <summary>QEMU has the device.</summary>
    public bool IsPlugged(GuestDisk disk) => QemuBlocks.ReadDevices(_monitor).Any(device => device.Alias == disk.Alias);

    /// <summary>
    /// After a predecessor was killed: what it had inserted wholly stays, what it had begun is taken back, what belongs to another run of the guest is forgotten.
    /// The disks that are inserted now. Fails as <see cref="Remove"/>.
    /// </summary>
    /// <param name="holdsWrites">Whether the server of a disk, by its alias, has what its image has not. Such a disk is remembered, if unplugged, until <see cref="Forget"/>.</param>
    public IReadOnlyList<InsertedDisk> Recover(Func<string, bool>? holdsWrites = null)
    {
        HashSet<string> unplugged = [];
        Dictionary<string, BlockDevice> devices = QemuBlocks.ReadDevices(_monitor).Where(device => device.Alias.Length > 0).ToDictionary(device => device.Alias);
        foreach (InsertedDisk disk in _inserted.All)
        {
            bool isOurs = devices.TryGetValue(disk.Disk.Alias, out BlockDevice device) && device.Node.StartsWith(NodeNames.Prefix, StringComparison.Ordinal);
            if (!isOurs)
            {
                // Unplugged, not begun, or another run of the guest, whose nodes may have other names: what it has stays.
                new DiskInsertion(_monitor, disk).DeleteOurs();
                if (!devices.ContainsKey(disk.Disk.Alias) && holdsWrites?.Invoke(disk.Disk.Alias) is true)
                {
                    unplugged.Add(disk.Disk.Alias);
                    continue;
                }
                _inserted.Remove(disk.Disk.Alias);
            }
            else if (!new DiskInsertion(_monitor, disk).IsComplete)
            {
                Remove(disk);
            }
        }
        return [.. _inserted.All.Where(disk => !unplugged.Contains(disk.Disk.Alias))];
    }

    /// <summary>
    /// One monitor command: are the disks as we left them? Null: every writable disk's node is ours. Asked after each checkpoint and before its end goes to
    /// the backup: an epoch in which a disk wrote past us must not be committed. The gravest change if there are several.
    /// </summary>
    public GraphChange? Check()
    {
        IReadOnlyList<BlockDevice> devices = QemuBlocks.ReadDevices(_monitor);
        GraphChange? gravest = null;
        foreach (InsertedDisk disk in _inserted.All)
        {
            string alias = disk.Disk.Alias;
            int at = devices.ToList().FindIndex(device => device.Alias == alias);
            if (at < 0)
            {
                Note(new GraphChange(GraphChangeKind.Removed, alias, $"{disk.Disk.Called} was unplugged"));
            }
            else if (devices[at].Node != new NodeNames(alias).Root)
            {
                Note(new GraphChange(GraphChangeKind.Replaced, alias, $"{disk.Disk.Called} now writes to {devices[at].Node}, past us"));
            }
        }
        foreach (BlockDevice device in devices)
        {
            if (!device.IsReadOnly && _inserted.Find(device.Alias) is null)
            {
                Note(new GraphChange(GraphChangeKind.Added, device.Alias, $"{FirmwareStore.Call(device.Alias, device.Alias)} ({device.Node}) is writable and not protected yet"));
            }
        }
        return gravest;

        void Note(GraphChange change)
        {
            if (gravest is null || change.Kind > gravest.Kind)
            {
                gravest = change;
            }
        }
    }

    private void Remove(InsertedDisk inserted)
    {
        // When the host the guest came from destroys its own, libvirt there takes the image on the shared storage away from QEMU's user.
        string image = FileRoot + inserted.Disk.ImagePath;
        if (FileOwner.Of(image) != inserted.ImageOwner)
        {
            inserted.ImageOwner.Take(image);
        }
        new DiskInsertion(_monitor, inserted).Remove();
        _inserted.Remove(inserted.Disk.Alias);
    }
}
