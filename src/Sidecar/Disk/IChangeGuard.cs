// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk;

/// <summary>Somebody who still needs what a disk's blocks hold. Any thread.</summary>
internal interface IChangeGuard
{
    /// <summary>Whether anything in this range is needed: then <see cref="Prepare"/> must be called, by a thread that may wait.</summary>
    bool Concerns(long offset, long length);

    /// <summary>Takes what is needed out of the range before it is changed; waits for the storage.</summary>
    void Prepare(long offset, long length);
}
