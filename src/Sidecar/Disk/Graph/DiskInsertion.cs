// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json.Nodes;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Disk.Graph;

/// <summary>Puts our nodes in the place of libvirt's for one disk, and libvirt's back. The guest stands still meanwhile; our server answers.</summary>
/// <remarks>
/// Theory of operation. libvirt's own nodes are closed and deleted, not only set aside: then every operation of libvirt that names them fails
/// before it moves data, and the way back opens the image anew, with its present length.
/// Raw: the NBD node takes the device, then libvirt's node goes. A format: two drivers of one image must never be open together, as each keeps
/// tables of it in memory. So the device first gets a node that answers with EIO ("gap"), libvirt's nodes are closed, ours are opened, and the
/// device gets them. If somebody lets the guest run in that moment it sees an I/O error, never a write that goes nowhere.
/// Every step looks at what is there, so that <see cref="Restore"/> works from wherever a killed sidecar stopped. What is never done, because QEMU aborts or
/// corrupts the image: qom-set of the node the device has already; a reopen over an inactive node, or over a node with a stale length; insertion
/// while the guest runs.
/// </remarks>
internal sealed class DiskInsertion
{
    private readonly QemuMonitor _monitor;
    private readonly GuestDisk _disk;
    private readonly string _socketPath;
    private readonly NodeNames _names;
    private readonly JsonObject[] _originals;
    private string? _qomPath;

    public DiskInsertion(QemuMonitor monitor, InsertedDisk inserted)
    {
        _monitor = monitor;
        _disk = inserted.Disk;
        _socketPath = inserted.SocketPath;
        _names = new NodeNames(_disk.Alias);
        _originals = [.. _disk.Nodes.Select(NodeOptions.Parse)];
    }

    private string OriginalRoot => NodeOptions.Text(_originals[^1], "node-name")!;

    private bool HasFormat => _disk.Format is not "raw";

    /// <summary>The device has our node, and everything of libvirt's is gone.</summary>
    public bool IsComplete
    {
        get
        {
            HashSet<string> present = Present();
            return present.Contains(_names.Root) && !present.Contains(_names.Gap) && !present.Contains(OriginalRoot) && Drive == _names.Root;
        }
    }

    /// <summary>Our nodes in. When a step fails, everything is put back before the exception is passed on.</summary>
    public void Insert()
    {
        RequireKnownDrive();
        try
        {
            if (IsComplete)
            {
                return;
            }
            // What a killed sidecar began is taken back first: then there is one way in.
            Restore();
            if (HasFormat)
            {
                SetDrive(AddGap());
                DeleteOriginals();
                OpenOurs();
            }
            else
            {
                OpenOurs();
                DeleteOriginals();
            }
        }
        catch (QemuMonitorException error)
        {
            Undo(error);
            throw;
        }
    }

    /// <summary>libvirt's nodes back, from whatever state; ours are gone then. When libvirt's cannot be opened, the disk stays ours and the exception is passed on.</summary>
    public void Remove()
    {
        RequireKnownDrive();
        try
        {
            Restore();
        }
        catch (QemuMonitorException error)
        {
            Redo(error);
            throw;
        }
    }

    /// <summary>The device is unplugged: our nodes go.</summary>
    public void DeleteOurs()
    {
        HashSet<string> present = Present();
        foreach (string name in (string[])[_names.Root, _names.Nbd, _names.Gap])
        {
            DeleteIf(present, name);
        }
    }

    private string Drive => _monitor.Execute("qom-get", writer =>
    {
        writer.WriteString("path", QomPath);
        writer.WriteString("property", "drive");
    }).GetString() ?? "";

    // QEMU before 9 has the property of a virtio disk at its inner device only.
    private string QomPath => _qomPath ??= _disk.IsFirmwareStore ? FirmwareStore.QomPath
        : HasDrive($"/machine/peripheral/{_disk.Alias}")
        ? $"/machine/peripheral/{_disk.Alias}"
        : $"/machine/peripheral/{_disk.Alias}/virtio-backend";

    // What somebody else put there (a snapshot's overlay, say) is not ours to take away.
    private void RequireKnownDrive()
    {
        string drive = Drive;
        if (drive != OriginalRoot && !drive.StartsWith(NodeNames.Prefix, StringComparison.Ordinal))
        {
            throw new QemuMonitorException("qom-get", $"the disk has node {drive}, which is neither ours nor the one it had");
        }
    }

    private void Restore()
    {
        HashSet<string> present = Present();
        if (Drive != OriginalRoot)
        {
            if (HasFormat)
            {
                SetDrive(present.Contains(_names.Gap) ? _names.Gap : AddGap());
                DeleteIf(present, _names.Root);
                DeleteIf(present, _names.Nbd);
            }
            else
            {
                // Set aside and still there: it may have a stale length.
                DeleteOriginals(present);
                present = Present();
            }
            foreach (JsonObject node in _originals.Where(node => !present.Contains(NodeOptions.Text(node, "node-name")!)))
            {
                NodeOptions.Add(_monitor, node);
            }
            SetDrive(OriginalRoot);
        }
        DeleteOurs();
    }

    private void OpenOurs()
    {
        if (HasFormat)
        {
            NodeOptions.Add(_monitor, NodeOptions.Nbd(_names.Nbd, _socketPath, _originals[0]));
            NodeOptions.Add(_monitor, NodeOptions.FormatOver(_names.Root, _names.Nbd, _originals[^1]));
            SetDrive(_names.Root);
            Delete(_names.Gap);
        }
        else
        {
            NodeOptions.Add(_monitor, NodeOptions.Nbd(_names.Root, _socketPath, _originals[^1]));
            SetDrive(_names.Root);
        }
    }

    private void Undo(QemuMonitorException error)
    {
        try
        {
            Restore();
        }
        catch (QemuMonitorException second)
        {
            throw new BlockGraphException($"{_disk.Called}: {error.Message}; and it could not be put back: {second.Message}", error);
        }
    }

    private void Redo(QemuMonitorException error)
    {
        try
        {
            string drive = Drive;
            if (drive == _names.Gap || drive == _names.Root)
            {
                HashSet<string> present = Present();
                DeleteOriginals(present);
                if (drive == _names.Gap)
                {
                    OpenOurs();
                }
                else
                {
                    DeleteIf(present, _names.Gap);
                }
            }
        }
        catch (QemuMonitorException second)
        {
            throw new BlockGraphException($"{_disk.Called}: {error.Message}; and our server's node could not be put back: {second.Message}", error);
        }
    }

    private string AddGap()
    {
        NodeOptions.Add(_monitor, NodeOptions.Gap(_names.Gap, _disk.VirtualBytes));
        return _names.Gap;
    }

    private void DeleteOriginals() => DeleteOriginals(Present());

    private void DeleteOriginals(HashSet<string> present)
    {
        foreach (JsonObject node in _originals.Reverse())
        {
            DeleteIf(present, NodeOptions.Text(node, "node-name")!);
        }
    }

    private void DeleteIf(HashSet<string> present, string node)
    {
        if (present.Contains(node))
        {
            Delete(node);
        }
    }

    private void Delete(string node) => _monitor.Execute("blockdev-del", writer => writer.WriteString("node-name", node));

    private HashSet<string> Present() => [.. QemuBlocks.ReadNodes(_monitor).Keys];

    private void SetDrive(string node)
    {
        // !! QEMU aborts (bdrv_replace_child_noperm) when the device has this node already.
        if (Drive == node)
        {
            return;
        }
        try
        {
            SetDriveNow(node);
        }
        catch (QemuMonitorException error) when (_disk.IoThread is not null && error.Detail.Contains("aio context", StringComparison.OrdinalIgnoreCase))
        {
            // A virtio-scsi controller stays in its I/O thread while the guest is stopped; the new node must be there before.
            _monitor.Execute("x-blockdev-set-iothread", writer =>
            {
                writer.WriteString("node-name", node);
                writer.WriteString("iothread", _disk.IoThread);
            });
            SetDriveNow(node);
        }
    }

    private void SetDriveNow(string node) => _monitor.Execute("qom-set", writer =>
    {
        writer.WriteString("path", QomPath);
        writer.WriteString("property", "drive");
        writer.WriteString("value", node);
    });

    private bool HasDrive(string path) => _monitor.Execute("qom-list", writer => writer.WriteString("path", path))
        .EnumerateArray().Any(property => property.GetProperty("name").GetString() == "drive");
}
