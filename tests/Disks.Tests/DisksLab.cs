// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness;
using Hikae.Harness.Labs;

namespace Hikae.Disks.Tests;

/// <summary>Two hosts with libvirt, nothing of ours installed: the tests are the sidecar. Made by the first test that asks.</summary>
public sealed class DisksLab : IDisposable
{
    private readonly Lazy<Lab> _lab = new(() => Lab.Up("disks", new LabOptions { Install = false }));

    internal Lab Lab
    {
        get
        {
            Requires.Root();
            Requires.Command("nsenter");
            Requires.Command("apt-get");
            Requires.Command("qemu-img");
            return _lab.Value;
        }
    }

    public void Dispose()
    {
        if (_lab.IsValueCreated)
        {
            _lab.Value.Dispose();
        }
    }
}
