// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;

namespace Hikae.Bench.Measuring;

/// <summary>Tracks what a process writes to its largest mapping, as a sidecar would, and does nothing else: no pause, no copy, no backup.</summary>
internal sealed class WriteTracking : IDisposable
{
    private const int PageBytes = 4096;
    private const int RegionsPerCall = 4096;

    private static readonly TimeSpan AttachLimit = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _end = new();
    private readonly Thread _thread;
    private readonly TimeSpan _interval;
    private readonly Userfaultfd _userfaultfd;
    private readonly Pagemap _pagemap;
    private readonly ulong _start;
    private readonly ulong _length;

    // tracking thread only, until it has ended
    private readonly PageRegion[] _regions = new PageRegion[RegionsPerCall];
    private long _pages;
    private Exception? _error;

    /// <param name="pid">As this process counts.</param>
    /// <param name="interval">What was written is protected again so often.</param>
    public WriteTracking(int pid, TimeSpan interval)
    {
        _interval = interval;
        (_start, _length) = LargestMapping(pid);
        _userfaultfd = new Userfaultfd(UserfaultInjector.Attach(pid, AttachLimit));
        _userfaultfd.EnableAsyncWriteProtect();
        _userfaultfd.RegisterWriteProtect(_start, _length);
        _pagemap = Pagemap.Open(pid);
        // The first finds everything, whoever wrote to it.
        Scan();
        _thread = new Thread(Run) { Name = "tracking", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Ends it, and returns how many first writes to a page there were.</summary>
    public long End()
    {
        _end.Cancel();
        _thread.Join();
        return _error is null ? _pages : throw new InvalidOperationException($"The tracking ended early: {_error.Message}", _error);
    }

    public void Dispose()
    {
        _end.Cancel();
        _thread.Join();
        _pagemap.Dispose();
        _userfaultfd.Dispose();
        _end.Dispose();
    }

    private static (ulong Start, ulong Length) LargestMapping(int pid)
    {
        (ulong Start, ulong Length) largest = default;
        foreach (string line in File.ReadLines($"/proc/{pid}/maps"))
        {
            // 7f4d87e00000-7f4e87e00000 rw-p 00000000 00:00 0
            string[] words = line.Split([' ', '-'], 4);
            if (words[2].StartsWith("rw", StringComparison.Ordinal) && Convert.ToUInt64(words[0], 16) is var start && Convert.ToUInt64(words[1], 16) - start is var length && length > largest.Length)
            {
                largest = (start, length);
            }
        }
        return largest;
    }

    private void Run()
    {
        try
        {
            while (!_end.Token.WaitHandle.WaitOne(_interval))
            {
                _pages += Scan();
            }
            _pages += Scan();
        }
        catch (LinuxException error)
        {
            _error = error;
        }
    }

    private long Scan()
    {
        ulong bytes = 0;
        for (ulong at = _start; at < _start + _length;)
        {
            int count = _pagemap.ScanWritten(at, _start + _length, _regions, rearm: true, out at);
            foreach (PageRegion region in _regions.AsSpan(0, count))
            {
                bytes += region.End - region.Start;
            }
        }
        return (long)(bytes / PageBytes);
    }
}
