// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Numerics;
using System.Runtime.InteropServices;
using Hikae.Native.Linux;

namespace Hikae.Sidecar.PageStore;

/// <summary>Which page had a content last, as far as there is room: a hint, to be proven by the bytes.</summary>
/// <remarks>Outside the collected heap, so that it is gone as soon as it is no longer needed.</remarks>
internal sealed class SeenContents : IDisposable
{
    /// <summary>1 MiB: of a guest with more hard pages than that some copies are not found.</summary>
    internal const int MaxPlaces = 65536;

    private const int MinPlaces = 1024;

    private readonly AnonymousMemory _memory;
    private readonly int _mask;

    /// <param name="pages">How many there are to be seen, about.</param>
    internal SeenContents(long pages)
    {
        int places = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(pages, MinPlaces, MaxPlaces));
        _mask = places - 1;
        _memory = new AnonymousMemory((long)places * Marshal.SizeOf<Place>());
    }

    /// <summary>The page that was seen with a content of this hash before; and <paramref name="owner"/> is the one from now on. False: none that is known.</summary>
    internal bool TryExchange(ulong hash, ulong owner, out ulong before)
    {
        ref Place place = ref MemoryMarshal.Cast<byte, Place>(_memory.Slice(0, (int)_memory.LengthBytes))[(int)hash & _mask];
        before = place.OwnerPlus1 - 1;
        bool known = place.OwnerPlus1 != 0 && place.Hash == hash;
        place = new Place(hash, owner + 1);
        return known;
    }

    public void Dispose() => _memory.Dispose();

    /// <summary>Never written is all zero bits, which is no owner.</summary>
    private readonly record struct Place(ulong Hash, ulong OwnerPlus1);
}
