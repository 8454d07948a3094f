// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Guest;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Classify;

/// <summary>What the guest reads often and lately, from samples that its agent takes now and then.</summary>
/// <remarks>
/// Theory of operation. The checkpoint loop asks: at first soon, then ever more seldom, once in <see cref="LongestRest"/>. The agent watches for <see cref="Duration"/> and answers
/// on the channel's thread. A sample counts a quarter, what is known from before three quarters: what was read once is forgotten after some minutes, what is read in each sample is
/// hottest. It decides about an order only: a guest that lies spoils its own.
/// </remarks>
internal sealed class GuestReads : IReadsAnswers
{
    internal static readonly TimeSpan ShortestRest = TimeSpan.FromSeconds(2);
    internal static readonly TimeSpan LongestRest = TimeSpan.FromMinutes(1);

    /// <summary>The guest pays for watching with some per cent of the time that reading its page cache takes.</summary>
    internal static readonly TimeSpan Duration = TimeSpan.FromSeconds(1);

    /// <summary>An answer that takes longer is given up.</summary>
    internal static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    // Of the 16 bits that a chunk is remembered by, the upper 8 are told.
    private const int FractionBits = 8;

    private const int PagesPerStep = 2;

    // set once
    private readonly GuestMemoryMap _map;
    private readonly IReadsRequester _agent;
    private readonly TimeProvider _clock;
    private readonly ulong _endChunk;
    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly ushort[]?[] _heat;
    private readonly byte[]?[] _sample;
    private ulong _number;
    private bool _isOpen;
    private bool _isNew;
    private bool _everAsked;
    private long _askedAt;
    private TimeSpan _rest = ShortestRest;
    private ulong _answeredToChunk;
    private uint _answers;

    internal GuestReads(GuestMemoryMap map, IReadsRequester agent, TimeProvider clock)
    {
        _map = map;
        _agent = agent;
        _clock = clock;
        _endChunk = (map.EndPfn + GuestProtocol.ChunkPages - 1) / GuestProtocol.ChunkPages;
        _heat = new ushort[map.Blocks.Count][];
        _sample = new byte[map.Blocks.Count][];
        foreach (GuestMemoryRange range in map.Ranges)
        {
            _heat[range.Block] ??= new ushort[ChunksOf(map.Blocks[range.Block])];
        }
    }

    /// <summary>Pages that the guest reads while it is watched, late samples counting more: about. Null: not known. Any thread.</summary>
    internal long? Pages { get; private set; }

    /// <summary>The guest cannot tell, and why; null: it can, or has not been heard. Any thread.</summary>
    internal string? WhyNot { get; private set; }

    /// <summary>Asks the guest, unless a question is still open or was asked too recently.</summary>
    internal void Ask()
    {
        lock (_gate)
        {
            TimeSpan since = _everAsked ? _clock.GetElapsedTime(_askedAt) : TimeSpan.MaxValue;
            if (since < (_isOpen ? LongestWait : _rest))
            {
                return;
            }

            // Before the request leaves: its answer may be here at once.
            _number++;
            _isOpen = true;
            _answeredToChunk = 0;
            _answers = 0;
            _everAsked = true;
            _askedAt = _clock.GetTimestamp();
            if (!_agent.TryRequestReads(new ReadsRequest(_number, (uint)Duration.TotalMilliseconds)))
            {
                // It may be starting: it cost nothing, so the next question need not wait for long.
                _isOpen = false;
                _rest = ShortestRest;
                return;
            }

            _rest = _rest * 2 < LongestRest ? _rest * 2 : LongestRest;
        }
    }

    /// <summary>All that is known, if something was added since the last call; else null.</summary>
    internal IReadOnlyList<ChunkReads>? Take()
    {
        lock (_gate)
        {
            if (!_isNew)
            {
                return null;
            }

            _isNew = false;
            var known = new List<ChunkReads>();
            for (int block = 0; block < _heat.Length; block++)
            {
                if (_heat[block] is { } heat)
                {
                    known.Add(new ChunkReads(block, [.. heat.Select(value => Told(value))]));
                }
            }

            return known;
        }
    }

    bool IReadsAnswers.IsWanted(ulong number)
    {
        lock (_gate)
        {
            return _isOpen && number == _number;
        }
    }

    bool IReadsAnswers.Take(in ReadsAnswer answer)
    {
        lock (_gate)
        {
            ulong end = answer.FirstChunk + (ulong)answer.Chunks.Length;

            // An honest agent fills its frames; the rest would be to keep us busy.
            ulong most = (2 * _endChunk / ReadsAnswer.MaxChunks) + 16;
            if (!_isOpen || answer.Number != _number || answer.FirstChunk < _answeredToChunk || end > _endChunk || _answers >= most)
            {
                return false;
            }

            _answers++;
            _answeredToChunk = end;
            for (int i = 0; i < answer.Chunks.Length; i++)
            {
                if (answer.Chunks[i] != 0)
                {
                    Mark(answer.FirstChunk + (ulong)i, answer.Chunks[i]);
                }
            }

            return true;
        }
    }

    bool IReadsAnswers.TakeEnd(ReadsEnd end)
    {
        lock (_gate)
        {
            if (!_isOpen || end.Number != _number)
            {
                return false;
            }

            _isOpen = false;
            bool isWhole = end.Answers == _answers;
            WhyNot = end.WhyNot.Length > 0 ? end.WhyNot : null;
            for (int block = 0; block < _heat.Length; block++)
            {
                if (isWhole && WhyNot is null && _heat[block] is { } heat)
                {
                    Remember(heat, _sample[block]);
                    _isNew = true;
                }

                _sample[block] = null;
            }

            if (_isNew)
            {
                Pages = _heat.Sum(heat => heat?.Sum(static value => (long)Told(value)) ?? 0) * PagesPerStep;
            }

            return isWhole;
        }
    }

    // Rounded up: a little is more than nothing.
    private static byte Told(ushort heat) => (byte)((heat + (1 << FractionBits) - 1) >> FractionBits);

    private static int ChunksOf(RamBlockInfo block) => (int)((block.PageCount + ReplicationLimits.PagesPerChunk - 1) / ReplicationLimits.PagesPerChunk);

    private static void Remember(ushort[] heat, byte[]? sample)
    {
        for (int chunk = 0; chunk < heat.Length; chunk++)
        {
            heat[chunk] = (ushort)(((3 * heat[chunk]) + ((sample?[chunk] ?? 0) << FractionBits)) / 4);
        }
    }

    // The guest's chunks are those of a RAM block, or lie across two of its: the memory tree says.
    private void Mark(ulong guestChunk, byte value)
    {
        ulong first = guestChunk * GuestProtocol.ChunkPages;
        foreach (GuestMemoryRange range in _map.Ranges)
        {
            ulong from = Math.Max(range.FirstPfn, first);
            ulong to = Math.Min(range.EndPfn, first + GuestProtocol.ChunkPages);
            if (from >= to)
            {
                continue;
            }

            byte[] sample = _sample[range.Block] ??= new byte[_heat[range.Block]!.Length];
            long page = range.FirstPage + (long)(from - range.FirstPfn);
            long last = page + (long)(to - from) - 1;
            for (long chunk = page / ReplicationLimits.PagesPerChunk; chunk <= last / ReplicationLimits.PagesPerChunk; chunk++)
            {
                sample[chunk] = Math.Max(sample[chunk], value);
            }
        }
    }
}
