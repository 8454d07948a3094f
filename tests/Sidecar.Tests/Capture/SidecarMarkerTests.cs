// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Capture;
using Xunit;

namespace Hikae.Sidecar.Tests.Capture;

public sealed class SidecarMarkerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hikae-marker-").FullName;

    private string MarkerPath => Path.Combine(_folder, "guest.state");

    [Fact]
    public void What_was_noted_is_there_when_the_next_sidecar_opens_it()
    {
        using (SidecarMarker dead = SidecarMarker.Open(MarkerPath))
        {
            dead.SetOwnedGeneration(4711, 12);
            dead.PausedByUs = true;
        }

        using SidecarMarker next = SidecarMarker.Open(MarkerPath);
        next.BeginRun(4711);

        Assert.True(next.PausedByUs);
        Assert.Equal(12, next.OwnedGeneration(4711));
    }

    [Fact]
    public void What_was_noted_for_another_QEMU_process_counts_no_more()
    {
        using SidecarMarker marker = SidecarMarker.Open(MarkerPath);
        marker.SetOwnedGeneration(4711, 12);
        marker.PausedByUs = true;

        marker.BeginRun(4712);

        Assert.False(marker.PausedByUs);
        Assert.Equal(0, marker.OwnedGeneration(4712));
        Assert.Equal(0, marker.OwnedGeneration(4711));
    }

    [Fact]
    public void A_pause_before_the_first_claim_is_remembered_too()
    {
        using (SidecarMarker dead = SidecarMarker.Open(MarkerPath))
        {
            dead.BeginRun(4711);
            dead.PausedByUs = true;
        }

        using SidecarMarker next = SidecarMarker.Open(MarkerPath);
        next.BeginRun(4711);

        Assert.True(next.PausedByUs);
    }

    [Theory]
    [InlineData("")]
    [InlineData("something else entirely, and longer than a marker is")]
    public void A_file_that_is_no_marker_becomes_an_empty_one(string content)
    {
        File.WriteAllText(MarkerPath, content);

        using SidecarMarker marker = SidecarMarker.Open(MarkerPath);

        Assert.False(marker.PausedByUs);
        Assert.Equal(0, marker.OwnedGeneration(0));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
