// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Tests.Epoch;

/// <summary>Fails in one step.</summary>
internal sealed class DyingParticipant(string step) : IEpochParticipant
{
    public void Prepare(EpochId epoch, CancellationToken cancellationToken) => DieIn("prepare");

    public bool TrySeal(EpochId epoch, PauseTimings pause, CancellationToken cancellationToken)
    {
        DieIn("seal");
        return true;
    }

    public void Resumed(EpochId epoch) => DieIn("resumed");

    public void Commit(EpochId epoch) => DieIn("commit");

    public void Abort(EpochId epoch) => DieIn("abort");

    private void DieIn(string here)
    {
        if (here == step)
        {
            throw new IOException($"dies in {here}");
        }
    }
}
