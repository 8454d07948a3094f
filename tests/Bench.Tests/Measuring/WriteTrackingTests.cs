// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using Hikae.Bench.Measuring;
using Xunit;

namespace Hikae.Bench.Tests.Measuring;

public sealed class WriteTrackingTests : IDisposable
{
    private const int BlockBytes = 64 << 20;
    private const int BlockPages = BlockBytes / 4096;

    // The kernel may have joined the buffer with a neighbour.
    private const int OtherPages = 16;

    private readonly string _folder = Directory.CreateTempSubdirectory("hikae-tracking-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // dd has one buffer, fills it from one pipe and empties it into the other; it waits for a third time when that was done twice. It is nobody's child here: the runtime would take its stop for its end.
    [Fact]
    public void Each_page_that_is_written_again_counts_once()
    {
        (string input, string output) = (Path.Combine(_folder, "in"), Path.Combine(_folder, "out"));
        Shell($"mkfifo {input} {output}");
        int pid = int.Parse(Shell($"dd if={input} of={output} bs={BlockBytes} count=3 iflag=fullblock >/dev/null 2>&1 </dev/null & echo $!"), CultureInfo.InvariantCulture);
        try
        {
            using FileStream to = File.OpenWrite(input);
            using FileStream from = File.OpenRead(output);
            Pass(to, from);
            using var tracking = new WriteTracking(pid, TimeSpan.FromHours(1));
            Pass(to, from);

            Assert.InRange(tracking.End(), BlockPages, BlockPages + OtherPages);
        }
        finally
        {
            // It may have ended.
            Shell($"kill {pid} 2>/dev/null || :");
        }
    }

    private static void Pass(FileStream to, FileStream from)
    {
        byte[] block = new byte[BlockBytes];
        Task writing = Task.Run(() =>
        {
            to.Write(block);
            to.Flush();
        });
        from.ReadExactly(new byte[BlockBytes]);
        writing.GetAwaiter().GetResult();
    }

    private static string Shell(string commands)
    {
        using Process shell = Process.Start(new ProcessStartInfo("sh", ["-c", commands]) { RedirectStandardOutput = true })!;
        string output = shell.StandardOutput.ReadToEnd();
        shell.WaitForExit();
        Assert.Equal(0, shell.ExitCode);
        return output;
    }
}
