// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;

namespace Hikae.Harness.Ledger;

/// <summary>The ledger's file as lab/guest-apps/ledger.c writes it, read from the guest's disk when the guest is off.</summary>
public static class LedgerFile
{
    private const int EntryBytes = 48;

    /// <summary>Its entries. Checksums are not looked at: what an entry says is compared with what clients were told.</summary>
    public static IReadOnlyList<LedgerEntry> Parse(ReadOnlySpan<byte> file)
    {
        if (file.Length % EntryBytes != 0)
        {
            throw new LedgerException($"the ledger's file has {file.Length} bytes, no multiple of {EntryBytes}");
        }

        var entries = new List<LedgerEntry>(file.Length / EntryBytes);
        for (ReadOnlySpan<byte> rest = file; rest.Length > 0; rest = rest[EntryBytes..])
        {
            entries.Add(new LedgerEntry(Word(rest, 0), (int)Word(rest, 1), Word(rest, 2), Word(rest, 3), Word(rest, 4)));
        }

        return entries;
    }

    private static long Word(ReadOnlySpan<byte> entry, int index) => BinaryPrimitives.ReadInt64LittleEndian(entry[(8 * index)..]);
}
