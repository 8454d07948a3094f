// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;

namespace Hikae.Owners.Tests;

/// <summary>A folder of the shared storage that one host does not see, until this is disposed: as where a share is not mounted, the folder there is empty.</summary>
internal sealed class HiddenFolder : IDisposable
{
    private readonly LabHost _host;
    private readonly string _folder;

    private HiddenFolder(LabHost host, string folder)
    {
        _host = host;
        _folder = folder;
        host.Run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder);
    }

    /// <summary>Everything: images and arbiter.</summary>
    public static HiddenFolder Storage(LabHost host) => new(host, "/srv/shared");

    /// <summary>The ownership records.</summary>
    public static HiddenFolder Arbiter(LabHost host) => new(host, "/srv/shared/hikae");

    public void Dispose()
    {
        if (_host.IsRunning)
        {
            _host.Run("umount", "-l", _folder);
        }
    }
}
