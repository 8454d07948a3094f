// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Epoch;

/// <summary>The plain way to make a guest stand still: stop it before, and let it go on after.</summary>
internal sealed class StopAndContinue(IGuestPause guest) : IStandstill
{
    public bool? TrySeal(PauseTimings pause, bool leavePaused, Func<bool> seal, CancellationToken cancellationToken)
    {
        if (!guest.TryPause(pause))
        {
            return null;
        }
        pause.Mark("stop");
        bool isSealed = false;
        try
        {
            isSealed = seal();
        }
        finally
        {
            if (!(leavePaused && isSealed))
            {
                guest.Resume();
            }
        }
        pause.Mark("cont");
        return isSealed;
    }
}
