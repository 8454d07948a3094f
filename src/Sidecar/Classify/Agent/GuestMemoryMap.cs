// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Protocol.Guest;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Classify;

/// <summary>Says where in QEMU's RAM blocks a guest page frame lies.</summary>
/// <remarks>
/// Read from QEMU's own memory tree (monitor command <c>info mtree -f</c>), because the rule depends on machine type and memory
/// size, and never from the guest. Of the address space "memory" only <c>ram</c> stretches count: a PC's memory below 1 MiB is partly
/// <c>rom</c>. The text is judged as if QEMU had been taken over: what does not parse is passed over, what contradicts itself or a
/// RAM block's size refuses the whole map. No map, no free pages dropped.
/// </remarks>
internal sealed class GuestMemoryMap
{
    /// <summary>Longest text looked at; QEMU prints some tens of KiB.</summary>
    internal const int MaxTextChars = 4 * 1024 * 1024;

    /// <summary>Stretches of RAM; a big guest with hot-plugged memory has some dozens.</summary>
    internal const int MaxRanges = 1024;

    private const int PageShift = 12;
    private const ulong PageMask = (1UL << PageShift) - 1;

    private GuestMemoryMap(IReadOnlyList<RamBlockInfo> blocks, GuestMemoryRange[] ranges)
    {
        Blocks = blocks;
        Ranges = ranges;
    }

    /// <summary>The RAM blocks the map was made for.</summary>
    internal IReadOnlyList<RamBlockInfo> Blocks { get; }

    /// <summary>Rising and apart; at least one.</summary>
    internal IReadOnlyList<GuestMemoryRange> Ranges { get; }

    /// <summary>The page frame number behind the guest's last page of RAM.</summary>
    internal ulong EndPfn => Ranges[^1].EndPfn;

    /// <param name="mtree">What <c>info mtree -f</c> printed.</param>
    /// <param name="blocks">The guest's RAM blocks; a region belongs to the block of its name.</param>
    /// <param name="map">The map, if the text made sense.</param>
    /// <param name="reason">Why it did not.</param>
    internal static bool TryParse(string mtree, IReadOnlyList<RamBlockInfo> blocks, out GuestMemoryMap? map, out string reason)
    {
        map = null;
        reason = string.Empty;
        if (mtree.Length > MaxTextChars)
        {
            reason = $"memory tree of {mtree.Length} characters";
            return false;
        }

        var ranges = new List<GuestMemoryRange>();
        bool isSystemMemory = false;
        foreach (ReadOnlySpan<char> line in mtree.AsSpan().EnumerateLines())
        {
            if (line.StartsWith("FlatView #"))
            {
                // One view can serve several address spaces; the one we want is a single view.
                if (isSystemMemory && ranges.Count > 0)
                {
                    break;
                }

                isSystemMemory = false;
            }
            else if (line.StartsWith(" AS \"memory\","))
            {
                isSystemMemory = true;
            }
            else if (isSystemMemory && TryParseLine(line, blocks, out GuestMemoryRange range, out long offset))
            {
                if (!Fits(range, offset, blocks, ranges, out reason))
                {
                    return false;
                }

                ranges.Add(range);
            }
        }

        if (ranges.Count == 0)
        {
            reason = "the memory tree shows no RAM block of this guest in the address space \"memory\"";
            return false;
        }

        map = new GuestMemoryMap(blocks, [.. ranges]);
        return true;
    }

    // "  0000000100000000-000000013fffffff (prio 0, ram): pc.ram @0000000080000000", and perhaps " KVM" behind it.
    private static bool TryParseLine(
        ReadOnlySpan<char> line, IReadOnlyList<RamBlockInfo> blocks, out GuestMemoryRange range, out long offset)
    {
        range = default;
        offset = 0;
        ReadOnlySpan<char> text = line.Trim();
        int prio = text.IndexOf(" (prio ");
        int kind = text.IndexOf(", ram): ");
        if (prio < 0 || kind < prio || !TryParseAddresses(text[..prio], out ulong start, out ulong last))
        {
            return false;
        }

        ReadOnlySpan<char> name = text[(kind + ", ram): ".Length)..];
        int at = name.LastIndexOf(" @");
        if (at >= 0)
        {
            ReadOnlySpan<char> digits = name[(at + 2)..];
            int space = digits.IndexOf(' ');
            digits = space < 0 ? digits : digits[..space];
            if (!long.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out offset))
            {
                return false;
            }

            name = name[..at];
        }
        else if (name.EndsWith(" KVM"))
        {
            name = name[..^" KVM".Length];
        }

        int block = IndexOf(blocks, name);

        // Only whole pages: a stretch that begins or ends within one loses that page.
        ulong first = (start + PageMask) >> PageShift;
        ulong end = (last >> PageShift) + ((last & PageMask) == PageMask ? 1UL : 0UL);
        if (block < 0 || first >= end || end > GuestProtocol.MaxPfn)
        {
            return false;
        }

        range = new GuestMemoryRange(first, (long)(end - first), block, (offset + (long)((first << PageShift) - start)) >> PageShift);
        offset = (offset - (long)start) & (long)PageMask;
        return true;
    }

    private static bool TryParseAddresses(ReadOnlySpan<char> text, out ulong start, out ulong last)
    {
        last = 0;
        int dash = text.IndexOf('-');
        start = 0;
        return dash >= 0
            && ulong.TryParse(text[..dash], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out start)
            && ulong.TryParse(text[(dash + 1)..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out last)
            && start <= last
            && last >> PageShift < GuestProtocol.MaxPfn;
    }

    private static int IndexOf(IReadOnlyList<RamBlockInfo> blocks, ReadOnlySpan<char> name)
    {
        for (int i = 0; i < blocks.Count; i++)
        {
            if (name.SequenceEqual(blocks[i].Name))
            {
                return i;
            }
        }

        return -1;
    }

    private static bool Fits(
        GuestMemoryRange range, long misalignment, IReadOnlyList<RamBlockInfo> blocks, List<GuestMemoryRange> before, out string reason)
    {
        reason = string.Empty;
        string name = blocks[range.Block].Name;
        if (misalignment != 0)
        {
            reason = $"RAM block {name} is not mapped in whole pages at page frame 0x{range.FirstPfn:x}";
        }
        else if (range.FirstPage < 0 || range.FirstPage > blocks[range.Block].PageCount - range.PageCount)
        {
            reason = $"page frame 0x{range.FirstPfn:x} maps beyond the {blocks[range.Block].PageCount} pages of RAM block {name}";
        }
        else if (before.Count > 0 && range.FirstPfn < before[^1].EndPfn)
        {
            reason = $"page frame 0x{range.FirstPfn:x} is mapped twice or out of order";
        }
        else if (before.Count == MaxRanges)
        {
            reason = $"the memory tree has more than {MaxRanges} stretches of RAM";
        }
        else
        {
            foreach (GuestMemoryRange other in before)
            {
                if (other.Block == range.Block && other.FirstPage < range.FirstPage + range.PageCount
                    && range.FirstPage < other.FirstPage + other.PageCount)
                {
                    reason = $"RAM block {name} is mapped twice, at page frames 0x{other.FirstPfn:x} and 0x{range.FirstPfn:x}";
                }
            }
        }

        return reason.Length == 0;
    }
}
