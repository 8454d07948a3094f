// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk.Buffer;

namespace Hikae.Sidecar.Tests.Disk.Buffer;

/// <summary>What an <see cref="EpochBuffer"/> must hold, kept the simple way: a list of everything that was appended.</summary>
internal sealed class BufferModel
{
    /// <summary>Of a byte that is not in the buffer.</summary>
    public const int Missing = -1;

    private readonly List<ModelWrite> _writes = [];
    private readonly List<(ulong Epoch, bool Flush)> _sealed = [];
    private bool _openFlush;

    public IReadOnlyList<(ulong Epoch, bool Flush)> Sealed => _sealed;

    public ulong LastSealed { get; private set; }

    public ulong LastDropped { get; private set; }

    public ulong LastCommitted { get; set; }

    public void Append(DiskWrite kind, long offset, long length, byte[] data) => _writes.Add(new ModelWrite(0, kind, offset, length, data));

    public void MarkFlush() => _openFlush = true;

    public void Seal(ulong epoch)
    {
        for (int i = 0; i < _writes.Count; i++)
        {
            if (_writes[i].Epoch == 0)
            {
                _writes[i] = _writes[i] with { Epoch = epoch };
            }
        }

        _sealed.Add((epoch, _openFlush));
        LastSealed = epoch;
        _openFlush = false;
    }

    public void Drop(ulong epoch)
    {
        _writes.RemoveAll(write => write.Epoch != 0 && write.Epoch <= epoch);
        int dropped = _sealed.RemoveAll(found => found.Epoch <= epoch);
        LastDropped = dropped > 0 ? epoch : LastDropped;
    }

    public void DiscardOpen()
    {
        _writes.RemoveAll(write => write.Epoch == 0);
        _openFlush = false;
    }

    public void Clear()
    {
        _writes.Clear();
        _sealed.Clear();
        _openFlush = false;
        LastSealed = LastDropped = LastCommitted = 0;
    }

    /// <summary>Each byte of the disk as the buffer has it, or <see cref="Missing"/>.</summary>
    public int[] Disk(int bytes) => Over(bytes, _writes);

    /// <summary>What the writes of one epoch alone make of the disk.</summary>
    public int[] Epoch(int bytes, ulong epoch) => Over(bytes, _writes.Where(write => write.Epoch == epoch));

    private static int[] Over(int bytes, IEnumerable<ModelWrite> writes)
    {
        int[] disk = new int[bytes];
        Array.Fill(disk, Missing);
        foreach (ModelWrite write in writes)
        {
            for (int i = 0; i < write.Length; i++)
            {
                disk[write.Offset + i] = write.Data.Length == 0 ? 0 : write.Data[i];
            }
        }

        return disk;
    }
}
