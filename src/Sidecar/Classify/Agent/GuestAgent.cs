// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Native.Libvirt;
using Hikae.Protocol.Guest;
using Hikae.Sidecar.Capture;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Classify;

/// <summary>What the guest's agent says, as capture needs it. A guest without agent or channel simply says nothing.</summary>
internal sealed class GuestAgent : IFreePages, IGuestReads, IDisposable
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(5);

    private readonly GuestConnection _guest;
    private readonly ILogger _logger;

    // checkpoint thread only
    private GuestAgentChannel? _channel;
    private string? _channelPath;
    private ulong _scanNumber;
    private ulong _readsNumber;
    private string? _whyNoReads;

    // checkpoint thread writes, any thread reads
    private volatile FreePageHints? _hints;
    private volatile GuestReads? _reads;

    public GuestAgent(GuestConnection guest, ILogger logger)
    {
        _guest = guest;
        _logger = logger;
    }

    /// <summary>Clean page cache pages in the last answers. Any thread.</summary>
    public long CachePagesReported => _hints?.CachePages ?? 0;

    /// <summary>Pages of files that the guest reads within a second, about; null: not known. Any thread.</summary>
    public long? ReadPages => _reads?.Pages;

    public void Reset(IReadOnlyList<RamBlock> blocks)
    {
        GuestReads? before = _reads;
        _hints = null;
        _reads = null;
        string? path = AgentChannelPath.Find(_guest.Domain.GetXml(DomainXmlFlags.None), GuestProtocol.PortName);
        if (path != _channelPath)
        {
            _channel?.Dispose();
            _channel = path is null ? null : new GuestAgentChannel(path);
            _channelPath = path;
            _channel?.Start();
        }
        if (_channel is null)
        {
            return;
        }
        string mtree = new QemuMonitor(() => _guest.Domain).ExecuteHuman("info mtree -f");
        if (!GuestMemoryMap.TryParse(mtree, [.. blocks.Select(block => block.Info)], out GuestMemoryMap? map, out string reason))
        {
            _logger.AgentRefused(reason);
            return;
        }
        _hints = new FreePageHints(map!, _channel, TimeProvider.System);
        // A new session's backup, or memory that did not change: what the guest reads is known already.
        GuestReads reads = before?.IsOf(map!, _channel) == true ? before : new GuestReads(map!, _channel, TimeProvider.System);
        reads.TellAgain();
        _reads = reads;
        _channel.Use(_hints, _reads);
    }

    public void MarkWritten(PageRun run) => _hints?.MarkWritten(run.Block, run.FirstPage, run.PageCount);

    public bool TryTake(List<PageRun> free)
    {
        if (_hints is null || !_hints.TryTakeAnswer(out FreePageAnswer answer))
        {
            return false;
        }
        for (int block = 0; block < _hints.Blocks.Count; block++)
        {
            long from = 0;
            while (answer.TryNextRun(block, from, out long first, out long count))
            {
                free.Add(new PageRun(block, (uint)first, (uint)count));
                from = first + count;
            }
        }
        return true;
    }

    public void Ask()
    {
        if (_hints is { MayAsk: true } hints)
        {
            hints.Ask(++_scanNumber);
        }
    }

    public bool TryAskMore()
    {
        if (_hints is not { HasUnasked: true } hints)
        {
            return false;
        }
        hints.ForgoRest();
        Ask();
        return true;
    }

    public bool WaitForAnswer(TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (_hints is not { } hints || _channel is null)
        {
            return false;
        }
        long started = Stopwatch.GetTimestamp();
        while (!hints.HasAnswer)
        {
            if (Stopwatch.GetElapsedTime(started) > timeout)
            {
                return false;
            }
            // The agent says hello a moment after the port is opened; a question before that went nowhere.
            Ask();
            cancellationToken.WaitHandle.WaitOne(PollInterval);
            cancellationToken.ThrowIfCancellationRequested();
        }
        return true;
    }

    public void AskForReads() => _reads?.Ask(++_readsNumber);

    public IReadOnlyList<ChunkReads>? TakeReads()
    {
        if (_reads?.WhyNot is { } whyNot && whyNot != _whyNoReads)
        {
            _whyNoReads = whyNot;
            _logger.ReadsNotKnown(whyNot);
        }
        return _reads?.Take();
    }

    public void Dispose() => _channel?.Dispose();
}
