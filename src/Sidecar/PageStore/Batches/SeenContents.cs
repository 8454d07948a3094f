// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Hikae.Native.Linux;

namespace Hikae.Sidecar.PageStore;

/// <summary>Which page had a content last, as far as there is room: a hint, to be proven by the bytes.</summary>
/// <remarks>Outside the collected heap, so that it is gone as soon as it is no longer needed.</remarks>
internal sealed class SeenContents : IDisposable
{
    /// <summary>1 MiB: of a guest with more hard pages than half of that some copies are not found.</summary>
    internal const int MaxPlaces = 65536;

    private const int MinPlaces = 1024;

    // A hash has one of so many neighbouring places, which are one line of the processor's cache. The one used last is the first of them.
    private const int PlacesOfBucket = 4;

    private readonly AnonymousMemory _memory;
    private readonly int _buckets;

    /// <param name="pages">How many there are to be seen, about.</param>
    internal SeenContents(long pages)
    {
        int places = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(2 * pages, MinPlaces, MaxPlaces));
        _buckets = places / PlacesOfBucket;
        _memory = new AnonymousMemory((long)places * Unsafe.SizeOf<Place>());
    }

    /// <summary>The page that was seen with a content of this hash before; and <paramref name="owner"/> is the one from now on. False: none that is known.</summary>
    internal bool TryExchange(ulong hash, ulong owner, out ulong before)
    {
        Span<Place> bucket = Bucket((int)(hash % (ulong)_buckets));
        int at = 0;
        while (at < PlacesOfBucket - 1 && (bucket[at].OwnerPlus1 == 0 || bucket[at].Hash != hash))
        {
            at++;
        }
        before = bucket[at].OwnerPlus1 - 1;
        bool known = bucket[at].OwnerPlus1 != 0 && bucket[at].Hash == hash;
        bucket[..at].CopyTo(bucket[1..]);
        bucket[0] = new Place(hash, owner + 1);
        return known;
    }

    public void Dispose() => _memory.Dispose();

    private Span<Place> Bucket(int index)
    {
        int bytes = PlacesOfBucket * Unsafe.SizeOf<Place>();
        return MemoryMarshal.Cast<byte, Place>(_memory.Slice((long)index * bytes, bytes));
    }

    /// <summary>Never written is all zero bits, which is no owner.</summary>
    private readonly record struct Place(ulong Hash, ulong OwnerPlus1);
}
