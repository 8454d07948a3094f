// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Capture;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Sidecar.Tests.Capture;

/// <summary>
/// An agent that calls those pages free that are zero, a quarter of a block with each answer, of a writer that stands still; but before it is asked again, a page that it called
/// free is written.
/// </summary>
internal sealed class ZeroPagesInParts(Writer writer) : IFreePages
{
    private const int PartsOfBlock = 4;

    private readonly HashSet<(int Block, uint Page)> _open = [];
    private IReadOnlyList<RamBlock> _blocks = [];
    private int _nextPart;

    /// <summary>Answers that were taken.</summary>
    public int Answers { get; private set; }

    public void Reset(IReadOnlyList<RamBlock> blocks) => _blocks = blocks;

    public void MarkWritten(PageRun run)
    {
        for (uint page = run.FirstPage; page < run.FirstPage + run.PageCount; page++)
        {
            _open.Remove((run.Block, page));
        }
    }

    public bool TryTake(List<PageRun> free)
    {
        if (_open.Count == 0)
        {
            return false;
        }
        free.AddRange(_open.Order().Select(page => new PageRun(page.Block, page.Page, 1)));
        Write(_open.First());
        _open.Clear();
        Answers++;
        return true;
    }

    public void Ask()
    {
        if (_nextPart == 0)
        {
            TryAskMore();
        }
    }

    public bool TryAskMore()
    {
        if (_nextPart == _blocks.Count * PartsOfBlock)
        {
            return false;
        }
        int block = _nextPart / PartsOfBlock;
        long pages = _blocks[block].Info.PageCount;
        long part = _nextPart++ % PartsOfBlock;
        byte[] bytes = writer.Read(block);
        for (long page = pages * part / PartsOfBlock; page < pages * (part + 1) / PartsOfBlock; page++)
        {
            if (IsZero(bytes, page))
            {
                _open.Add((block, (uint)page));
            }
        }
        return true;
    }

    public bool WaitForAnswer(TimeSpan timeout, CancellationToken cancellationToken) => true;

    private void Write((int Block, uint Page) page)
    {
        using SafeFileHandle memory = File.OpenHandle($"/proc/{writer.Pid}/mem", FileMode.Open, FileAccess.Write);
        RandomAccess.Write(memory, "written"u8, (long)_blocks[page.Block].HostAddress + (page.Page * 4096L));
    }

    private static bool IsZero(byte[] bytes, long page) => bytes.AsSpan((int)(page * 4096), 4096).IndexOfAnyExcept((byte)0) < 0;
}
