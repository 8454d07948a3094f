// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Content;

/// <summary>The blocks of one disk that read as one thing today and may read as another tomorrow, on this host or on the other, without being written: trimmed ones, say.</summary>
/// <remarks>One bit a block where there are any, in stretches of 128 MiB; a stretch that is undefined from end to end takes none. Guarded by its owner.</remarks>
internal sealed class UndefinedBlocks
{
    private const int StretchBlocks = 1 << 15;
    private const int WordBits = 64;

    // 16 MiB of memory: beyond that, whatever the guest trims, all of the disk counts as undefined.
    private const int MaxStretches = 4096;

    // Null: all of the stretch.
    private readonly Dictionary<long, ulong[]?> _stretches = [];
    private int _spelledOut;
    private bool _isEverything;

    public bool Contains(long block)
    {
        if (_isEverything)
        {
            return true;
        }
        return _stretches.TryGetValue(block / StretchBlocks, out ulong[]? words)
            && (words is null || (words[Word(block)] & Bit(block)) != 0);
    }

    public void Add(long first, long count)
    {
        for (long block = first, end = first + count; block < end && !_isEverything;)
        {
            long stretch = block / StretchBlocks;
            long next = Math.Min(end, (stretch + 1) * StretchBlocks);
            if (next - block == StretchBlocks)
            {
                _spelledOut -= _stretches.TryGetValue(stretch, out ulong[]? before) && before is not null ? 1 : 0;
                _stretches[stretch] = null;
            }
            else if (!_stretches.TryGetValue(stretch, out ulong[]? words))
            {
                Set(_stretches[stretch] = SpellOut(0), block, next);
            }
            else if (words is not null)
            {
                Set(words, block, next);
            }
            block = next;
        }
    }

    public void AddEverything()
    {
        _isEverything = true;
        _stretches.Clear();
        _spelledOut = 0;
    }

    /// <summary>It was written whole.</summary>
    public void Remove(long block)
    {
        if (_isEverything || !_stretches.TryGetValue(block / StretchBlocks, out ulong[]? words))
        {
            return;
        }
        if (words is null)
        {
            words = SpellOut(ulong.MaxValue);
            if (_isEverything)
            {
                return;
            }
            _stretches[block / StretchBlocks] = words;
        }
        words[Word(block)] &= ~Bit(block);
    }

    private static int Word(long block) => (int)(block % StretchBlocks / WordBits);

    private static ulong Bit(long block) => 1UL << (int)(block % WordBits);

    private static void Set(ulong[] words, long first, long end)
    {
        for (long block = first; block < end; block++)
        {
            words[Word(block)] |= Bit(block);
        }
    }

    private ulong[] SpellOut(ulong word)
    {
        var words = new ulong[StretchBlocks / WordBits];
        Array.Fill(words, word);
        if (++_spelledOut > MaxStretches)
        {
            AddEverything();
        }
        return words;
    }
}
