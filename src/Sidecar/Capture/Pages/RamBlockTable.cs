// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Protocol.Replication;

namespace Hikae.Sidecar.Capture;

/// <summary>Reads the table that QMP <c>x-query-ramblock</c> prints (QEMU system/physmem.c, ram_block_format).</summary>
internal static class RamBlockTable
{
    // From the right: RO, HVA, Total, Used, Offset, and a page size of two words ("4 KiB"). What is left is the name, which may hold anything.
    private const int ColumnsAfterName = 7;

    /// <summary>Asks QEMU. Throws <see cref="QemuMonitorException"/> when it is too old to print host addresses (before 8.1), or the text is not the table.</summary>
    public static IReadOnlyList<RamBlock> Query(QemuMonitor monitor)
    {
        string text = monitor.Execute("x-query-ramblock").GetProperty("human-readable-text").GetString() ?? string.Empty;
        return Parse(text);
    }

    /// <summary>Parses the table's text. Blocks of length 0 and those without a name are left out.</summary>
    public static IReadOnlyList<RamBlock> Parse(string text)
    {
        string[] lines = text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length == 0 || !lines[0].Contains("HVA", StringComparison.Ordinal))
        {
            throw new QemuMonitorException("x-query-ramblock", "no host addresses (HVA) in the table: QEMU 8.1 or later is needed");
        }

        var blocks = new List<RamBlock>();
        foreach (string line in lines.Skip(1))
        {
            if (ParseLine(line) is { Info.UsedBytes: > 0 } block)
            {
                blocks.Add(block);
            }
        }
        if (blocks.Count is 0 or > ReplicationLimits.MaxBlocks)
        {
            throw new QemuMonitorException("x-query-ramblock", $"{blocks.Count} RAM blocks, expected 1 to {ReplicationLimits.MaxBlocks}");
        }
        return blocks;
    }

    // Null: a device has let go of it. Such a block has no name any more (system/physmem.c, qemu_ram_unset_idstr), and is in no migration.
    private static RamBlock? ParseLine(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == ColumnsAfterName)
        {
            return null;
        }
        if (words.Length > ColumnsAfterName
            && TryParseSize(words[^7], words[^6], out int pageSize)
            && TryParseHex(words[^4], out ulong used)
            && TryParseHex(words[^2], out ulong address)
            && used <= ReplicationLimits.MaxGuestBytes
            && used % ReplicationLimits.PageBytes == 0)
        {
            // Everything before the page size is the name, as QEMU padded it on the left only.
            int sizeAt = line.LastIndexOf(words[^7] + " " + words[^6], StringComparison.Ordinal);
            if (sizeAt > 0)
            {
                return new RamBlock(new RamBlockInfo(line[..sizeAt].Trim(), (long)used, pageSize), address);
            }
        }
        throw new QemuMonitorException("x-query-ramblock", $"cannot read the line \"{line}\"");
    }

    private static bool TryParseHex(string word, out ulong value)
    {
        value = 0;
        return word.StartsWith("0x", StringComparison.Ordinal)
            && ulong.TryParse(word.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    private static bool TryParseSize(string number, string unit, out int bytes)
    {
        int shift = unit switch { "B" => 0, "KiB" => 10, "MiB" => 20, "GiB" => 30, _ => -1 };
        bytes = 0;
        if (shift < 0 || !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int count) || count > (1 << 30) >> shift)
        {
            return false;
        }
        bytes = count << shift;
        return bytes >= ReplicationLimits.PageBytes;
    }
}
