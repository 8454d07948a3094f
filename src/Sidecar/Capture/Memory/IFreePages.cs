// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Capture;

/// <summary>What the guest says of its free pages, as capture needs it. Checkpoint thread only.</summary>
internal interface IFreePages
{
    /// <summary>The guest's RAM blocks are these from now on; what was asked before counts no more.</summary>
    void Reset(IReadOnlyList<RamBlock> blocks);

    /// <summary>A scan found these pages written.</summary>
    void MarkWritten(PageRun run);

    /// <summary>
    /// Right after a scan whose pages were marked: adds the pages that are free in a whole answer and were not written since the
    /// question was asked. False when there is no new answer.
    /// </summary>
    bool TryTake(List<PageRun> free);

    /// <summary>Right after a scan: asks the guest anew, unless a question is still open or was asked too recently.</summary>
    void Ask();

    /// <summary>Right after a scan: asks about a part of memory that was never asked about, without letting the guest rest. False: there is none, or nobody to ask.</summary>
    bool TryAskMore();

    /// <summary>Waits until the open question is answered. False after <paramref name="timeout"/>, or when there is nobody to ask.</summary>
    bool WaitForAnswer(TimeSpan timeout, CancellationToken cancellationToken);
}
