// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Epoch;
using Xunit;

namespace Hikae.Sidecar.Tests.Capture;

public sealed class ReadsParticipantTests : IGuestReads, IDisposable
{
    private static readonly ChunkReads[] Known = [new(0, [1, 2])];

    private readonly EpochQueue _queue = new();
    private readonly ReadsParticipant _participant;
    private IReadOnlyList<ChunkReads>? _new = Known;
    private int _asked;

    public ReadsParticipantTests() => _participant = new ReadsParticipant(this, _queue);

    void IGuestReads.AskForReads() => _asked++;

    IReadOnlyList<ChunkReads>? IGuestReads.TakeReads()
    {
        IReadOnlyList<ChunkReads>? taken = _new;
        _new = null;
        return taken;
    }

    public void Dispose() => _queue.Dispose();

    [Fact]
    public void The_guest_is_not_asked_before_an_epoch_has_ended()
    {
        _participant.Prepare(new EpochId(1), CancellationToken.None);
        Assert.True(_participant.TrySeal(new EpochId(1), new PauseTimings(new EpochId(1)), CancellationToken.None));
        _participant.Resumed(new EpochId(1));
        Assert.Equal(0, _asked);
        Assert.Empty(Parts());

        _participant.Ended(new EpochId(1));

        Assert.Equal(1, _asked);
        Assert.Same(Known, Assert.IsType<EpochPart.Reads>(Assert.Single(Parts())).Blocks);
    }

    [Fact]
    public void What_finds_no_room_is_told_later()
    {
        while (_queue.TryAdd(new EpochPart.DiskFlushed(new EpochId(1))))
        {
            // Until it is full.
        }

        _participant.Ended(new EpochId(1));
        Assert.DoesNotContain(Parts(), part => part is EpochPart.Reads);
        _participant.Ended(new EpochId(2));
        _participant.Ended(new EpochId(3));

        Assert.IsType<EpochPart.Reads>(Assert.Single(Parts()));
    }

    private List<EpochPart> Parts()
    {
        var parts = new List<EpochPart>();
        while (_queue.TryTake(out EpochPart? part, TimeSpan.Zero, CancellationToken.None))
        {
            parts.Add(part!);
        }
        return parts;
    }
}
