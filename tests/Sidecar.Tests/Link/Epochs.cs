// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Net.Sockets;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Epoch;
using Hikae.Sidecar.Link;

namespace Hikae.Sidecar.Tests.Link;

/// <summary>Epochs of a <see cref="SourceMemory"/>: put into a queue as the checkpoint thread does, or shipped into bytes.</summary>
internal static class Epochs
{
    public const string DomainXml = "<domain type='qemu'/>";

    public static byte[] Devices(ulong epoch) => [.. Enumerable.Repeat((byte)epoch, 1000)];

    public static void Put(EpochQueue queue, SegmentPool pool, SourceMemory source, ulong epoch, IEnumerable<PageRun> runs, CancellationToken cancellationToken)
    {
        var id = new EpochId(epoch);
        queue.Begin(id, cancellationToken);
        if (epoch == 1)
        {
            queue.Add(new EpochPart.Hardware([.. source.Blocks.Select(block => block.Info)], DomainXml), cancellationToken);
        }
        CaptureSegment? segment = null;
        foreach (PageRun run in runs)
        {
            PageRun rest = run;
            while (rest.PageCount > 0)
            {
                segment ??= pool.Rent(cancellationToken);
                uint taken = segment.Add(rest);
                rest = new PageRun(rest.Block, rest.FirstPage + taken, rest.PageCount - taken);
                if (segment.IsFull)
                {
                    Add(queue, source, segment, cancellationToken);
                    segment = null;
                }
            }
        }
        if (segment is not null)
        {
            Add(queue, source, segment, cancellationToken);
        }
        queue.Add(new EpochPart.Devices(Devices(epoch)), cancellationToken);
        queue.End(id, cancellationToken);
    }

    /// <summary>The records that the shipper makes of what <paramref name="put"/> puts into the queue.</summary>
    public static IReadOnlyList<byte[]> Records(Action<EpochQueue, SegmentPool> put, int ends)
    {
        using var wire = new MemoryStream();
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var connection = new RecordConnection(wire, socket);
        // Disposed after the queue, which may still hold segments.
        using var pool = new SegmentPool();
        using var queue = new EpochQueue();
        using var shipper = new EpochShipper(queue, connection, TimeSpan.FromMinutes(5));
        using var stop = new CancellationTokenSource();
        int shipped = 0;
        shipper.Shipped += _ =>
        {
            if (++shipped == ends)
            {
                stop.Cancel();
            }
        };
        put(queue, pool);
        try
        {
            shipper.Run(stop.Token);
        }
        catch (OperationCanceledException)
        {
            // Everything is shipped.
        }
        return Split(wire.ToArray());
    }

    /// <summary>Ends a shipper that runs, before what it uses is disposed. Throws what it died of, if that was neither the end nor a lost peer.</summary>
    public static void EndShipping(Task shipping, CancellationTokenSource stop)
    {
        stop.Cancel();
        try
        {
            shipping.GetAwaiter().GetResult();
        }
        catch (Exception error) when (error is OperationCanceledException or PeerLostException or ObjectDisposedException)
        {
            // As asked.
        }
    }

    private static List<byte[]> Split(byte[] bytes)
    {
        var records = new List<byte[]>();
        for (int at = 0; at < bytes.Length;)
        {
            int length = RecordHeader.Bytes + BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(at + 4));
            records.Add(bytes[at..(at + length)]);
            at += length;
        }
        return records;
    }

    private static void Add(EpochQueue queue, SourceMemory source, CaptureSegment segment, CancellationToken cancellationToken)
    {
        segment.Copy(Environment.ProcessId, source.Blocks);
        queue.Add(new EpochPart.Pages(segment), cancellationToken);
    }
}
