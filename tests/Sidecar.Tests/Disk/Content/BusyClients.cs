// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk.Content;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Content;

/// <summary>Clients that write, read, trim and zero the same few blocks at once, whole ones and parts, with few contents.</summary>
internal sealed class BusyClients : IAsyncDisposable
{
    private const int BlockBytes = ContentIndex.BlockBytes;
    private const int Clients = 4;

    private readonly RunningDisk _running;
    private readonly int _blocks;
    private readonly ReaderWriterLockSlim _standstill;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task[] _clients;

    /// <param name="running">The disk.</param>
    /// <param name="blocks">As many of it are used.</param>
    /// <param name="standstill">Who writes to this lock stops them as QEMU stops a guest: when every request is answered.</param>
    /// <param name="seed">Of what they do.</param>
    public BusyClients(RunningDisk running, int blocks, ReaderWriterLockSlim standstill, int seed)
    {
        _running = running;
        _blocks = blocks;
        _standstill = standstill;
        _clients = [.. Enumerable.Range(0, Clients).Select(i => Task.Factory.StartNew(
            () => Work(new Random((seed * 100) + i)), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
    }

    /// <summary>What whole blocks are written with.</summary>
    public static IReadOnlyList<byte[]> Contents { get; } = [.. Enumerable.Range(1, 40).Select(DiskContentTests.Page)];

    /// <summary>Throws what any of them found.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_clients);
        _stop.Dispose();
    }

    private void Work(Random random)
    {
        using NbdTestClient client = _running.Connect();
        while (!_stop.IsCancellationRequested)
        {
            _standstill.EnterReadLock();
            try
            {
                int under = random.Next(1, 5);
                for (int i = 0; i < under; i++)
                {
                    Send(client, random);
                }

                for (int i = 0; i < under; i++)
                {
                    Assert.Equal(0u, client.Next().Error);
                }
            }
            finally
            {
                _standstill.ExitReadLock();
            }
        }
    }

    private void Send(NbdTestClient client, Random random)
    {
        int count = random.Next(1, 5);
        ulong offset = (ulong)(random.Next(_blocks - count) * BlockBytes);
        uint length = (uint)(count * BlockBytes);
        if (random.Next(4) == 0)
        {
            offset += (ulong)(random.Next(8) * 512);
            length = (uint)(random.Next(1, 17) * 512);
            length = (uint)Math.Min(length, (_blocks * BlockBytes) - (long)offset);
        }

        switch (random.Next(10))
        {
            case < 5:
                byte[] data = [.. Enumerable.Range(0, 5).SelectMany(_ => Contents[random.Next(Contents.Count)])];
                client.Send(NbdTestClient.Write, offset, length, data.AsSpan(0, (int)length));
                break;
            case < 8:
                client.Send(NbdTestClient.Read, offset, length);
                break;
            case 8:
                client.Send(NbdTestClient.Trim, offset, length);
                break;
            default:
                client.Send(NbdTestClient.WriteZeroes, offset, length, flags: random.Next(2) == 0 ? NbdTestClient.NoHole : (ushort)0);
                break;
        }
    }
}
