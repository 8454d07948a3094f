// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Guest;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Classify;

/// <summary>What the guest reads often and lately, from samples that its agent takes now and then.</summary>
/// <remarks>
/// Theory of operation. The checkpoint loop asks: at first soon, then ever more seldom, once in <see cref="LongestRest"/>. The agent watches for <see cref="Duration"/> and answers
/// on the channel's thread. A sample counts a quarter, what is known from before three quarters: of what was read once a tenth is left after eight samples, what is read in each sample is
/// hottest. It decides about an order only: a guest that lies spoils its own.
/// </remarks>
internal sealed class GuestReads : IReadsAnswers
{
    internal static readonly TimeSpan ShortestRest = TimeSpan.FromSeconds(2);
    internal static readonly TimeSpan LongestRest = TimeSpan.FromMinutes(1);

    /// <summary>The guest pays for watching with some per cent of the time that reading its page cache takes.</summary>
    internal static readonly TimeSpan Duration = TimeSpan.FromSeconds(1);

    /// <summary>A guest that cannot tell is asked again this much later: its kernel may log each try.</summary>
    internal static readonly TimeSpan RefusedRest = TimeSpan.FromHours(1);

    /// <summary>Loading its program, counting and telling may take the guest one part in so many of the time; watching is beside that.</summary>
    internal const int RestFactor = 10;

    /// <summary>An answer that takes longer is given up.</summary>
    internal static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    // Of the 16 bits that a chunk is remembered by, the upper 8 are told.
    private const int FractionBits = 8;

    // set once
    private readonly GuestMemoryMap _map;
    private readonly GuestMemoryRange[] _ranges;
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
    private long? _askedAt;
    private TimeSpan _rest = ShortestRest;
    private ulong _answeredToChunk;
    private uint _answers;

    // written under _gate, read by Volatile; below zero: not known
    private long _pages = -1;

    internal GuestReads(GuestMemoryMap map, IReadsRequester agent, TimeProvider clock)
    {
        _map = map;
        _ranges = [.. map.Ranges];
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
    internal long? Pages => Volatile.Read(ref _pages) is >= 0 and long pages ? pages : null;

    /// <summary>The guest cannot tell, and why; null: it can, or has not been heard. Any thread.</summary>
    internal string? WhyNot { get; private set; }

    /// <summary>Whether what is known still holds for a guest whose memory is that of <paramref name="map"/>, asked through <paramref name="agent"/>.</summary>
    internal bool IsOf(GuestMemoryMap map, IReadsRequester agent) =>
        ReferenceEquals(agent, _agent) && map.Ranges.SequenceEqual(_ranges) && _ranges.All(range => map.Blocks[range.Block] == _map.Blocks[range.Block]);

    /// <summary>Whoever takes next has been told nothing: all that is known is new to it.</summary>
    internal void TellAgain()
    {
        lock (_gate)
        {
            _isNew = _pages >= 0;
        }
    }

    /// <summary>Asks the guest, unless a question is still open or was asked too recently.</summary>
    /// <param name="number">Higher than any before it that this agent was asked.</param>
    internal void Ask(ulong number)
    {
        lock (_gate)
        {
            if (_askedAt is long askedAt && _clock.GetElapsedTime(askedAt) < (_isOpen ? LongestWait : _rest))
            {
                return;
            }

            // Before the request leaves: its answer may be here at once.
            _number = number;
            _isOpen = true;
            _answeredToChunk = 0;
            _answers = 0;
            _askedAt = _clock.GetTimestamp();
            if (!_agent.TryRequestReads(new ReadsRequest(_number, (uint)Duration.TotalMilliseconds)))
            {
                // It cost the guest nothing, so the next question need not wait any longer.
                _isOpen = false;
                _askedAt = null;
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
                    byte[] told = new byte[heat.Length];
                    for (int chunk = 0; chunk < heat.Length; chunk++)
                    {
                        told[chunk] = Told(heat[chunk]);
                    }

                    known.Add(new ChunkReads(block, told));
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
            TimeSpan took = _clock.GetElapsedTime(_askedAt!.Value) - Duration;
            if (took * RestFactor > _rest)
            {
                _rest = took * RestFactor;
            }

            bool isWhole = end.Answers == _answers;
            WhyNot = end.WhyNot.Length > 0 ? end.WhyNot : null;
            if (WhyNot is not null)
            {
                _rest = RefusedRest;
            }
            else if (isWhole)
            {
                RememberSample();
            }

            Array.Clear(_sample);
            return isWhole;
        }
    }

    private void RememberSample()
    {
        long pages = 0;
        for (int block = 0; block < _heat.Length; block++)
        {
            if (_heat[block] is { } heat)
            {
                pages += Remember(heat, _sample[block]) * ReadsAnswer.PagesPerStep;
            }
        }

        _isNew = true;
        Volatile.Write(ref _pages, pages);
    }

    // Rounded up: a little is more than nothing.
    private static byte Told(ushort heat) => (byte)((heat + (1 << FractionBits) - 1) >> FractionBits);

    void IReadsAnswers.Lost()
    {
        lock (_gate)
        {
            _isOpen = false;
            Array.Clear(_sample);
        }
    }

    private static int ChunksOf(RamBlockInfo block) => (int)((block.PageCount + ReplicationLimits.PagesPerChunk - 1) / ReplicationLimits.PagesPerChunk);

    /// <summary>Gives the sum of what is told of the chunks now.</summary>
    private static long Remember(ushort[] heat, byte[]? sample)
    {
        long told = 0;
        for (int chunk = 0; chunk < heat.Length; chunk++)
        {
            heat[chunk] = (ushort)(((3 * heat[chunk]) + ((sample?[chunk] ?? 0) << FractionBits)) / 4);
            told += Told(heat[chunk]);
        }

        return told;
    }

    // The guest's chunks are those of a RAM block, or lie across two of its: the memory tree says.
    private void Mark(ulong guestChunk, byte value)
    {
        ulong first = guestChunk * GuestProtocol.ChunkPages;
        foreach (GuestMemoryRange range in _ranges)
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
