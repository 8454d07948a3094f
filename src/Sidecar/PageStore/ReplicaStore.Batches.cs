// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;

namespace Hikae.Sidecar.PageStore;

/// <remarks>Batches. When an epoch begins, before anything is staged, cold pages are put together for a moment.</remarks>
internal sealed partial class ReplicaStore
{
    // About 3 ms of work, and 12 when the guest writes little: its pages are still on their way, and seldom anybody waits for them.
    private const int SweptPages = 128;
    private const int QuietSweptPages = 512;
    private const int QuietPuts = 512;

    // A sweep needs up to 2 MiB while it lasts.
    private const int EpochsBetweenSweeps = 256;

    private BatchSweep? _sweep;
    private int _epochsToSweep;

    private void Sweep()
    {
        _epochsToSweep = Math.Max(0, _epochsToSweep - 1);
        if (_sweep is null && (_epochsToSweep > 0 || !BatchSweep.HasWork(_arena, _byNumber)))
        {
            return;
        }
        _sweep ??= new BatchSweep(_arena, _reader, _byNumber, _encoder);
        if (!_sweep.Run(_putsThisEpoch < QuietPuts ? QuietSweptPages : SweptPages))
        {
            _sweep.Dispose();
            _sweep = null;
            _epochsToSweep = EpochsBetweenSweeps;
            NativeHeap.Trim();
        }
    }
}
