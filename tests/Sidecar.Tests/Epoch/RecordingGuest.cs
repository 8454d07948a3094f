// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Tests.Epoch;

/// <summary>A guest that writes down when it was stopped and continued. It can be one that its user has paused.</summary>
internal sealed class RecordingGuest(List<string> journal) : IGuestPause
{
    public bool IsPausedByUser { get; set; }

    public bool Runs { get; private set; } = true;

    public bool TryPause()
    {
        if (IsPausedByUser)
        {
            return false;
        }
        Note("stop");
        Runs = false;
        return true;
    }

    public void Resume()
    {
        Note("cont");
        Runs = true;
    }

    private void Note(string what)
    {
        lock (journal)
        {
            journal.Add(what);
        }
    }
}
