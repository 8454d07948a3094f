// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Graph;

/// <summary>Who must know what libvirt does to a guest's disks. Called on the watcher's thread; must not block.</summary>
internal interface IDiskIncidents
{
    /// <summary>QEMU begins to send the guest somewhere (migration, save, managed save, dump with memory): the images will be read by others. Pass through at once.</summary>
    void MigrationBegan();

    /// <summary>It is over. Completed: this QEMU does not run the guest any more (or it was a dump). Else the guest stays here.</summary>
    void MigrationEnded(bool completed);

    /// <summary>A device was plugged in or is gone: look with <see cref="BlockGraph.Check"/> before the next epoch is committed.</summary>
    void DevicesChanged();
}
