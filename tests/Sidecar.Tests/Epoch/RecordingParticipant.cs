// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Tests.Epoch;

/// <summary>Participant and stream in one, which write down what they are told.</summary>
internal sealed class RecordingParticipant(List<string> journal) : IEpochParticipant, IEpochStream
{
    public void Begin(EpochId epoch, CancellationToken cancellationToken) => Note($"begin {epoch.Value}");

    public void Prepare(EpochId epoch, CancellationToken cancellationToken) => Note($"prepare {epoch.Value}");

    /// <summary>How many more times it asks for another try.</summary>
    public int Deferrals { get; set; }

    public bool TrySeal(EpochId epoch, PauseTimings pause, CancellationToken cancellationToken)
    {
        if (Deferrals > 0)
        {
            Deferrals--;
            Note($"defer {epoch.Value}");
            return false;
        }
        Note($"seal {epoch.Value}");
        return true;
    }

    public void Resumed(EpochId epoch) => Note($"resumed {epoch.Value}");

    public void End(EpochId epoch, CancellationToken cancellationToken) => Note($"end {epoch.Value}");

    public void Commit(EpochId epoch) => Note($"commit {epoch.Value}");

    public void Abort(EpochId epoch) => Note($"abort {epoch.Value}");

    private void Note(string what)
    {
        lock (journal)
        {
            journal.Add(what);
        }
    }
}
