// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Guest.Pages;
using Hikae.Protocol.Guest;

namespace Hikae.Guest;

/// <summary>hikae-guest --print: what the agent would tell the host, for people.</summary>
internal sealed class Summary : ISliceSink, IReadSink
{
    private const double MiB = 1024 * 1024;
    private static readonly TimeSpan s_watched = TimeSpan.FromSeconds(1);
    private readonly byte[] _frame = new byte[ScanAnswer.MaxFrameBytes];
    private int _slices;
    private long _frameBytes;
    private ulong _read;

    /// <summary>Counts the bytes that the slice would take on the wire.</summary>
    public void Take(ulong firstPfn, int pages, ReadOnlySpan<byte> both)
    {
        _slices++;
        _frameBytes += ScanAnswer.WriteFrame(_frame, 1, firstPfn, pages, ScanContents.Both, both);
    }

    /// <summary>Counts the pages, to the accuracy in which they are told.</summary>
    public void TakeReads(ulong firstChunk, ReadOnlySpan<byte> chunks)
    {
        foreach (byte chunk in chunks)
        {
            _read += (ulong)chunk * ReadsAnswer.PagesPerStep;
        }
    }

    /// <summary>Scans everything once, and watches for a second.</summary>
    internal void Print(GuestFiles files, GuestHello hello, TextWriter output)
    {
        ScanCounts counts = new PageScan(files).Run(0, GuestProtocol.MaxPfn, this);
        double perPage = counts.Scanned == 0 ? 0 : counts.Elapsed.TotalNanoseconds / counts.Scanned;
        output.WriteLine($"agent            {hello.AgentVersion}");
        output.WriteLine($"kernel           {hello.KernelRelease}");
        output.WriteLine($"port             {VirtioPort.Find(files) ?? "none named " + GuestProtocol.PortName}");
        output.WriteLine($"scanned          {counts.Scanned} pages, {Size(counts.Scanned)}");
        output.WriteLine($"free             {counts.Free} pages, {Size(counts.Free)}{(hello.FreeIsOff.Length == 0 ? "" : ", not reported: " + hello.FreeIsOff)}");
        output.WriteLine($"clean page cache {counts.Cache} pages, {Size(counts.Cache)} (a hint; the host proves it)");
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"scan             {counts.Elapsed.TotalMilliseconds:F1} ms, {perPage:F0} ns a page"));
        string whyNot = new ReadWatch(files).Watch(s_watched, this);
        output.WriteLine("read             " + (whyNot.Length == 0 ? $"about {Size(_read)} of the page cache in one second" : "not known: " + whyNot));
        output.WriteLine($"answer           {_slices} frames, {_frameBytes} bytes");
    }

    private static string Size(ulong pages) =>
        string.Create(CultureInfo.InvariantCulture, $"{pages * (double)Environment.SystemPageSize / MiB:F1} MiB");
}
