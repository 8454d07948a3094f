// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Epoch;
using Hikae.Sidecar.Tests.Link;

namespace Hikae.Sidecar.Tests.Capture;

/// <summary>Stands for a QEMU's block list and device state, which a <see cref="Writer"/> does not have.</summary>
internal sealed class WriterHardware(Writer writer, MemoryParticipant memory, EpochQueue queue) : IEpochParticipant
{
    private int _sent;

    /// <summary>How many of the writer's blocks are there.</summary>
    public int Count { get; set; } = writer.Blocks.Count;

    /// <summary>Called in each pause, before anything else.</summary>
    public Action? WhenPaused { get; set; }

    public void Prepare(EpochId epoch, CancellationToken cancellationToken)
    {
        if (_sent != Count)
        {
            _sent = Count;
            RamBlock[] blocks = [.. writer.Blocks.Take(Count)];
            queue.Add(new EpochPart.Hardware([.. blocks.Select(block => block.Info)], Epochs.DomainXml), cancellationToken);
            memory.SetBlocks(blocks);
        }
    }

    // Memory may still ask for another try after this, so nothing is said of the epoch here.
    public bool TrySeal(EpochId epoch, PauseTimings pause, CancellationToken cancellationToken)
    {
        WhenPaused?.Invoke();
        return true;
    }

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
