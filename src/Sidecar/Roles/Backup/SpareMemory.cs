// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;

namespace Hikae.Sidecar;

/// <summary>Gives back what this process holds beside the replica: the first copy of a guest needs more than all that follows, and neither heap returns it by itself. Session thread only.</summary>
internal sealed class SpareMemory
{
    // Some ms of work each time: soon after the first copy, then some minutes apart.
    private const long First = 16;
    private const long Every = 4096;

    private long _commits;

    /// <summary>An epoch was committed, and the primary knows.</summary>
    public void OnCommitted()
    {
        if (++_commits % Every == First)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            NativeHeap.Trim();
        }
    }
}
