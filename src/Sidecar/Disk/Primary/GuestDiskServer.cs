// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Disk.Buffer;
using Hikae.Sidecar.Disk.Content;
using Hikae.Sidecar.Disk.Graph;
using Hikae.Sidecar.Disk.Images;

namespace Hikae.Sidecar.Disk.Primary;

/// <summary>One served disk with all that belongs to it.</summary>
internal sealed class GuestDiskServer(GuestDisk graphDisk, FileImage image, EpochBuffer buffer, ServedDisk served, DiskContent? content) : IDisposable
{
    public GuestDisk GraphDisk { get; } = graphDisk;

    public FileImage Image { get; } = image;

    public InterposedDisk Disk { get; } = new(
        new DiskInfo(graphDisk.Alias, graphDisk.ImagePath, graphDisk.Format, graphDisk.ExportBytes), served, buffer, content);

    /// <summary>The server first: it uses the others.</summary>
    public void Dispose()
    {
        Disk.Served.Dispose();
        Disk.Buffer.Dispose();
        Image.Dispose();
    }
}
