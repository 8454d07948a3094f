// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness;
using Hikae.Harness.Labs;

namespace Hikae.Disks.Tests;

/// <summary>Two hosts with libvirt, nothing of ours installed: the tests are the sidecar. Made by the first test that asks.</summary>
public sealed class DisksLab : IDisposable
{
    private readonly Lazy<Lab> _lab = new(() => Lab.Up("disks", new LabOptions { Install = false }));
    private bool _hostBIsReached;

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

    /// <summary>From now on hostA may move guests to hostB: qemu+tcp://hostB/system.</summary>
    internal void LetHostBBeReached()
    {
        if (!_hostBIsReached)
        {
            _hostBIsReached = true;
            Lab.HostB.Shell(
                """
                printf 'listen_tls = 0\nlisten_tcp = 1\nauth_tcp = "none"\n' >>/etc/libvirt/libvirtd.conf
                pid=$(cat /run/libvirtd.pid); kill $pid; while [ -e /proc/$pid ]; do sleep 0.05; done; libvirtd -d --listen
                while ! virsh -q -c qemu+tcp://hostB/system list; do sleep 0.2; done
                """);
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
