// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Capture;

/// <summary>What the guest reads of its memory, as far as it can tell. Checkpoint thread only.</summary>
internal interface IGuestReads
{
    /// <summary>Asks the guest, unless a question is still open or was asked too recently. Never waits.</summary>
    void AskForReads();

    /// <summary>What is known by now, if that is more than at the last call; else null.</summary>
    IReadOnlyList<ChunkReads>? TakeReads();
}
