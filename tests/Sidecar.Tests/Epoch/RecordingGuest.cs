// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Tests.Epoch;

/// <summary>A guest that writes down when it was stopped and continued, in a journal and in the marker. It can be one that its user has paused.</summary>
internal sealed class RecordingGuest(List<string> journal, SidecarMarker? marker = null) : IGuestPause
{
    public bool IsPausedByUser { get; set; }

    /// <summary>QEMU does not answer.</summary>
    public bool CannotBePaused { get; set; }

    public bool Runs { get; private set; } = true;

    public bool TryPause(PauseTimings? pause = null)
    {
        if (IsPausedByUser)
        {
            return false;
        }
        if (CannotBePaused)
        {
            throw new TimeoutException("no answer");
        }
        Note("stop");
        Mark(true);
        Runs = false;
        return true;
    }

    public void Resume()
    {
        Note("cont");
        Mark(false);
        Runs = true;
    }

    private void Mark(bool isPaused)
    {
        if (marker is not null)
        {
            marker.PausedByUs = isPaused;
        }
    }

    private void Note(string what)
    {
        lock (journal)
        {
            journal.Add(what);
        }
    }
}
