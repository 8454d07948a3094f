// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Tests.Capture;

/// <summary>A guest without agent.</summary>
internal sealed class NoFreePages : IFreePages
{
    public void Reset(IReadOnlyList<RamBlock> blocks)
    {
        // Nobody to tell.
    }

    public void MarkWritten(PageRun run)
    {
        // Nobody to tell.
    }

    public bool TryTake(List<PageRun> free) => false;

    public void Ask()
    {
        // Nobody to ask.
    }

    public bool TryAskMore() => false;

    public bool WaitForAnswer(TimeSpan timeout, CancellationToken cancellationToken) => false;
}
