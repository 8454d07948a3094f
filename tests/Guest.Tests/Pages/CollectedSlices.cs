// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Guest.Pages;

namespace Hikae.Guest.Tests.Pages;

/// <summary>Remembers which page frames a scan called free and which clean cache.</summary>
internal sealed class CollectedSlices : ISliceSink
{
    internal List<ulong> Free { get; } = [];

    internal List<ulong> Cache { get; } = [];

    internal List<(ulong First, int Pages)> Slices { get; } = [];

    public void Take(ulong firstPfn, int pages, ReadOnlySpan<byte> both)
    {
        Slices.Add((firstPfn, pages));
        for (int bit = 0; bit < pages; bit++)
        {
            AddIf(both[..(both.Length / 2)], Free);
            AddIf(both[(both.Length / 2)..], Cache);

            void AddIf(ReadOnlySpan<byte> bitmap, List<ulong> list)
            {
                if ((bitmap[bit / 8] >> (bit % 8) & 1) != 0)
                {
                    list.Add(firstPfn + (ulong)bit);
                }
            }
        }
    }
}
