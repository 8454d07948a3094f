// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk.Buffer;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Buffer;

/// <summary>The buffer against a plain list of writes, with random operations, kills and new starts. A failure names its seed.</summary>
public sealed class EpochBufferModelTests : IDisposable
{
    private const int DiskBytes = 96 << 10;
    private const long MaxBytes = 512 << 10;
    private const long ReserveBytes = 128 << 10;

    private readonly TemporaryFolder _folder = new();
    private readonly BufferModel _model = new();
    private EpochBuffer _buffer = null!;
    private Random _random = null!;

    public void Dispose()
    {
        _buffer?.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void It_holds_what_was_written_through_kills_and_new_starts(int seed)
    {
        _random = new Random(seed);
        Open();
        for (int i = 0; i < 1500; i++)
        {
            Step();
            if (i % 9 == 0)
            {
                AssertSame();
            }
        }

        AssertSame();
    }

    [Fact]
    public void A_published_byte_that_changed_is_noticed_wherever_it_is()
    {
        _random = new Random(99);
        for (int i = 0; i < 200; i++)
        {
            File.Delete(Path);
            using (EpochBuffer buffer = EpochBuffer.Open(Path, MaxBytes, ReserveBytes))
            {
                for (int k = 0; k < 5; k++)
                {
                    // Lengths of whole words: a padding byte means nothing and may change.
                    Assert.True(buffer.TryAppend(DiskWrite.Write, k * 4096, 800, new byte[800]));
                    buffer.Seal((ulong)k + 1);
                }
            }

            KilledBuffer.Damage(Path, _random);

            Assert.Throws<DamagedBufferException>(() => EpochBuffer.Open(Path, MaxBytes, ReserveBytes).Dispose());
        }
    }

    private string Path => _folder.File("buffer");

    private void Open() => _buffer = EpochBuffer.Open(Path, MaxBytes, ReserveBytes);

    private void Step()
    {
        switch (_random.Next(100))
        {
            case < 55:
                Append();
                break;
            case < 60:
                _buffer.MarkFlush();
                _model.MarkFlush();
                break;
            case < 75:
                ulong epoch = _model.LastSealed + 1 + (ulong)_random.Next(2);
                _buffer.Seal(epoch);
                _model.Seal(epoch);
                break;
            case < 80:
                _model.LastCommitted = Math.Max(_model.LastCommitted, _model.LastSealed);
                _buffer.CommitThrough(_model.LastSealed);
                break;
            case < 91:
                if (_model.Sealed.Count > 0)
                {
                    ulong dropped = _model.Sealed[_random.Next(_model.Sealed.Count)].Epoch;
                    _buffer.DropThrough(dropped);
                    _model.Drop(dropped);
                }

                break;
            case < 93:
                _buffer.DiscardOpen();
                _model.DiscardOpen();
                break;
            case < 94:
                if (_random.Next(8) == 0)
                {
                    _buffer.Clear();
                    _model.Clear();
                }

                break;
            default:
                KillAndReopen();
                break;
        }
    }

    private void Append()
    {
        var kind = (DiskWrite)_random.Next(1, 5);
        int most = _random.Next(10) == 0 ? DiskBytes : 12 << 10;
        int length = _random.Next(1, most);
        int offset = _random.Next(DiskBytes - length + 1);
        if (_random.Next(2) == 0)
        {
            offset &= ~511;
            length = Math.Max(512, length & ~511);
            offset = Math.Min(offset, DiskBytes - length);
        }

        byte[] data = new byte[kind is DiskWrite.Write ? length : 0];
        _random.NextBytes(data);
        if (_buffer.TryAppend(kind, offset, length, data))
        {
            _model.Append(kind, offset, length, data);
        }
        else
        {
            Assert.True(_buffer.UsedBytes + data.Length > MaxBytes - (64 << 10), $"full with {_buffer.UsedBytes} bytes used");
        }
    }

    private void KillAndReopen()
    {
        _buffer.Dispose();
        switch (_random.Next(5))
        {
            case 0:
                KilledBuffer.WithNewSegment(Path);
                break;
            case 1 when _model.Sealed.Count > 0:
                ulong dropped = _model.Sealed[_random.Next(_model.Sealed.Count)].Epoch;
                KilledBuffer.InDrop(Path, dropped);
                _model.Drop(dropped);
                break;
            case 2 when _random.Next(8) == 0:
                KilledBuffer.InClear(Path);
                _model.Clear();
                break;
            default:
                KilledBuffer.InAppend(Path, _random);
                break;
        }

        Open();
    }

    private void AssertSame()
    {
        Assert.Equal(_model.Sealed.Select(epoch => epoch.Epoch), _buffer.Epochs().Select(epoch => epoch.Number));
        Assert.Equal(_model.Sealed.Select(epoch => epoch.Flush), _model.Sealed.Select(epoch => _buffer.HoldsFlush(epoch.Epoch)));
        Assert.Equal(_model.LastSealed, _buffer.LastSealed);
        Assert.Equal(_model.LastCommitted, _buffer.LastCommitted);
        AssertRead(_model.Disk(DiskBytes), 0, DiskBytes);
        int offset = _random.Next(DiskBytes);
        AssertRead(_model.Disk(DiskBytes), offset, _random.Next(1, DiskBytes - offset + 1));
        if (_model.Sealed.Count > 0)
        {
            ulong epoch = _model.Sealed[_random.Next(_model.Sealed.Count)].Epoch;
            Assert.Equal(_model.Epoch(DiskBytes, epoch), Entries(epoch));
        }
    }

    private void AssertRead(int[] expected, int offset, int length)
    {
        byte[] read = new byte[length];
        List<DiskRange> missing = [];
        _buffer.Read(offset, read, missing);

        int[] found = [.. read.Select(value => (int)value)];
        foreach (DiskRange range in missing)
        {
            Array.Fill(found, BufferModel.Missing, (int)range.Offset - offset, (int)range.Length);
        }

        Assert.Equal(expected.AsSpan(offset, length), found.AsSpan());
    }

    private int[] Entries(ulong epoch)
    {
        int[] disk = new int[DiskBytes];
        Array.Fill(disk, BufferModel.Missing);
        using EpochEntries entries = _buffer.ReadEpoch(epoch);
        foreach (BufferEntry entry in entries)
        {
            for (int i = 0; i < entry.Length; i++)
            {
                disk[entry.Offset + i] = entry.Kind is DiskWrite.Write ? entry.Data[i] : 0;
            }
        }

        return disk;
    }
}
