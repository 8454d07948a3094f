// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Epoch;
using Hikae.Sidecar.Tests.Link;

namespace Hikae.Sidecar.Tests.Capture;

/// <summary>Stands for a QEMU's block list and device state, which a <see cref="Writer"/> does not have.</summary>
internal sealed class WriterHardware(Writer writer, MemoryParticipant memory, EpochQueue queue) : IEpochParticipant
{
    private bool _isSent;

    public void Prepare(EpochId epoch, CancellationToken cancellationToken)
    {
        if (!_isSent)
        {
            _isSent = true;
            queue.Add(new EpochPart.Hardware([.. writer.Blocks.Select(block => block.Info)], Epochs.DomainXml), cancellationToken);
            memory.SetBlocks(writer.Blocks);
        }
    }

    // Memory may still ask for another try after this, so nothing is said of the epoch here.
    public bool TrySeal(EpochId epoch, PauseTimings pause, CancellationToken cancellationToken) => true;

    public void Resumed(EpochId epoch) => queue.Add(new EpochPart.Devices(Epochs.Devices(epoch.Value)), CancellationToken.None);

    public void Commit(EpochId epoch)
    {
        // Nothing waits.
    }

    public void Abort(EpochId epoch)
    {
        // Nothing waits.
    }
}
