// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Disk.Content;

/// <summary>Tells whether a block was changed while something was learned of it. Guarded by its owner, but for <see cref="Now"/>.</summary>
/// <remarks>
/// A block shares its place with others, so it may seem changed when one of them was: then something is not learned, and nothing wrong. A change has a tick
/// where it begins, before anybody can see it, and one where it ends. What was read since tick t is still so if the place is not being changed and
/// has seen no tick after t.
/// </remarks>
internal sealed class ChangeTicks
{
    private const int Places = 1 << 14;

    private readonly ulong[] _last = new ulong[Places];
    private readonly int[] _busy = new int[Places];
    private ulong _now;

    /// <summary>The last tick. Any thread: one that is a little old only makes its asker learn less.</summary>
    public ulong Now => Volatile.Read(ref _now);

    /// <summary>A change of these blocks begins. Returns its tick.</summary>
    public ulong Begin(BlockKey first, long count)
    {
        ulong tick = Next();
        for (long i = 0; i < count; i++)
        {
            int place = PlaceOf(first, i);
            _last[place] = tick;
            _busy[place]++;
        }
        return tick;
    }

    /// <summary>It ends: nobody is changing these blocks on its account. <see cref="Close"/> follows in the same step.</summary>
    public void End(BlockKey first, long count)
    {
        for (long i = 0; i < count; i++)
        {
            _busy[PlaceOf(first, i)]--;
        }
    }

    /// <summary>What was read since before the change that ended counts no more.</summary>
    public void Close(BlockKey first, long count)
    {
        ulong tick = Next();
        for (long i = 0; i < count; i++)
        {
            _last[PlaceOf(first, i)] = tick;
        }
    }

    /// <summary>Between <see cref="End"/> and <see cref="Close"/> of the change with this tick: no other one overlapped it.</summary>
    public bool WasAlone(BlockKey block, ulong tick)
    {
        int place = PlaceOf(block, 0);
        return _busy[place] == 0 && _last[place] == tick;
    }

    /// <summary>The block is what it was when <see cref="Now"/> was <paramref name="tick"/>.</summary>
    public bool IsUnchangedSince(BlockKey block, ulong tick)
    {
        int place = PlaceOf(block, 0);
        return _busy[place] == 0 && _last[place] <= tick;
    }

    /// <summary>A tick for what is no change.</summary>
    public ulong Next()
    {
        ulong next = _now + 1;
        Volatile.Write(ref _now, next);
        return next;
    }

    private static int PlaceOf(BlockKey first, long index) =>
        (int)((ulong)(first.Block + index + (first.Disk * 5003L)) % Places);
}
