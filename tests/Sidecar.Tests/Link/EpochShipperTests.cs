// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Epoch;
using Hikae.Sidecar.Link;
using Xunit;

namespace Hikae.Sidecar.Tests.Link;

public sealed class EpochShipperTests
{
    [Fact]
    public async Task A_guest_of_zero_pages_is_not_shipped_in_silence()
    {
        using var pair = new TcpPair();
        using var primary = new RecordConnection(new NetworkStream(pair.Primary), pair.Primary);
        using var backup = new RecordConnection(new NetworkStream(pair.Backup), pair.Backup);
        using var stop = new CancellationTokenSource();
        // Disposed after the queue, which may still hold segments.
        using var pool = new SegmentPool();
        using var queue = new EpochQueue();
        using var shipper = new EpochShipper(queue, primary, TimeSpan.FromMilliseconds(200));
        var source = new SourceMemory();
        queue.Begin(new EpochId(1), stop.Token);
        queue.Add(new EpochPart.Hardware([.. source.Blocks.Select(block => block.Info)], Epochs.DomainXml), stop.Token);
        Task shipping = Task.Run(() => shipper.Run(stop.Token), TestContext.Current.CancellationToken);
        Task<RecordType> heard = Task.Run(() => FirstOutsideAnEpoch(backup), TestContext.Current.CancellationToken);

        // Faster than any heartbeat of an idle queue, and never enough to fill the gathering buffer.
        while (!heard.IsCompleted)
        {
            CaptureSegment segment = pool.Rent(stop.Token);
            segment.Add(SourceMemory.All[0]);
            segment.Copy(Environment.ProcessId, source.Blocks);
            queue.Add(new EpochPart.Pages(segment), stop.Token);
        }

        Assert.Equal(RecordType.Heartbeat, await heard);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => shipping);
    }

    private static RecordType FirstOutsideAnEpoch(RecordConnection connection)
    {
        while (true)
        {
            RecordType type = connection.Receive(out _).Type;
            if (type is not (RecordType.EpochBegin or RecordType.DomainXml or RecordType.BlockList or RecordType.SoftPages))
            {
                return type;
            }
        }
    }
}
