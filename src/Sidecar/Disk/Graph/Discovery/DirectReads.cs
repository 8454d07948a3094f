// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Xml.Linq;

namespace Hikae.Sidecar.Disk.Graph;

/// <summary>Disks whose device writes what is read into the guest's memory by itself, so that the host's page tables know only of the read's beginning.</summary>
/// <remarks>
/// QEMU gives the guest's own pages to reads of an image that is open past the host's page cache (O_DIRECT: cache modes "none" and "directsync"), of a SCSI device that is passed
/// through, and of a disk that is driven from user space. libvirt refuses to change the mode with a medium (qemuDomainDiskChangeSupported), so a drive's mode holds while it is empty, too.
/// </remarks>
internal static class DirectReads
{
    /// <summary>Whether there is one.</summary>
    /// <param name="domain">The live XML.</param>
    /// <param name="onlyLeftAlone">All disks that the guest can write and that can be held are read by us, through a socket.</param>
    public static bool AreIn(XElement domain, bool onlyLeftAlone) => domain.Element("devices")?.Elements("disk").Any(disk =>
        disk.Attribute("device")?.Value is "lun"
        || disk.Attribute("type")?.Value is "nvme" or "vhostuser" or "vhostvdpa"
        || (disk.Element("driver")?.Attribute("cache")?.Value is "none" or "directsync" && (!onlyLeftAlone || DomainDisks.IsLeftAlone(disk)))) == true;
}
