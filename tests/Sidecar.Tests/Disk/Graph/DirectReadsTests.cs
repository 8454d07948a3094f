// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Xml.Linq;
using Hikae.Sidecar.Disk.Graph;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Graph;

public sealed class DirectReadsTests
{
    [Theory]
    [InlineData("<disk type='file' device='disk'><driver name='qemu' cache='none'/></disk>", true, false)]
    [InlineData("<disk type='file' device='disk'><driver name='qemu' cache='directsync'/></disk>", true, false)]
    [InlineData("<disk type='file'><driver name='qemu' cache='none'/><readonly/></disk>", true, true)]
    [InlineData("<disk type='file' device='cdrom'><driver name='qemu' cache='none'/></disk>", true, true)]
    [InlineData("<disk type='block' device='cdrom'><driver name='qemu' cache='directsync'/><readonly/></disk>", true, true)]
    [InlineData("<disk type='block' device='lun'><driver name='qemu' cache='writeback'/></disk>", true, true)]
    [InlineData("<disk type='nvme' device='disk'/>", true, true)]
    [InlineData("<disk type='file' device='disk'><driver name='qemu' cache='writeback'/></disk>", false, false)]
    [InlineData("<disk type='file' device='disk'/>", false, false)]
    [InlineData("<disk type='file' device='cdrom'><driver name='qemu' type='raw'/><readonly/></disk>", false, false)]
    [InlineData("", false, false)]
    public void Disks_that_qemu_reads_past_the_page_cache_are_found(string disks, bool ofAll, bool ofThoseLeftAlone)
    {
        XElement domain = XElement.Parse($"<domain><devices>{disks}</devices></domain>");

        Assert.Equal(ofAll, DirectReads.AreIn(domain, onlyLeftAlone: false));
        Assert.Equal(ofThoseLeftAlone, DirectReads.AreIn(domain, onlyLeftAlone: true));
    }
}
