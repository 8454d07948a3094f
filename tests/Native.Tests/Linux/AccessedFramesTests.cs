// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Numerics;
using Hikae.Native.Linux;
using Xunit;

namespace Hikae.Native.Tests.LinuxTests;

/// <summary>Where the kernel has kprobes; guests of the lab have them, and what comes of it there is seen by the tests of whole hosts.</summary>
public sealed class AccessedFramesTests
{
    private const string KprobeType = "/sys/bus/event_source/devices/kprobe/type";
    private const int FileMiB = 16;

    [Fact]
    public void A_kernel_without_kprobes_is_a_reason_why_not()
    {
        Assert.SkipWhen(File.Exists(KprobeType), "this kernel has kprobes");

        IOException error = Assert.Throws<IOException>(AccessedFrames.Open);

        Assert.Contains("kprobes", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_read_from_a_file_is_seen()
    {
        Assert.SkipUnless(File.Exists(KprobeType) && Environment.UserName == "root", "needs root and a kernel with kprobes");
        const ulong frames = 1UL << 28; // 1 TiB
        string path = Path.Combine(AppContext.BaseDirectory, "read-again");
        File.WriteAllBytes(path, new byte[FileMiB << 20]);
        try
        {
            AccessedFrames accessed = AccessedFrames.Open();
            long quiet = Watch(accessed, frames);
            using var stop = new CancellationTokenSource();
            Task reading = Task.Run(
                () =>
                {
                    while (!stop.IsCancellationRequested)
                    {
                        File.ReadAllBytes(path);
                    }
                },
                TestContext.Current.CancellationToken);
            long busy = Watch(accessed, frames);
            await stop.CancelAsync();
            await reading;

            // Of a folio of several pages one is seen, so less than all pages; other processes read, too.
            Assert.True(busy - quiet > FileMiB * 256 / 64, $"{quiet} and {busy} frames");
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static long Watch(AccessedFrames accessed, ulong frames)
    {
        long seen = 0;
        accessed.Watch(frames, TimeSpan.FromSeconds(1), bits =>
        {
            foreach (ulong word in bits)
            {
                seen += BitOperations.PopCount(word);
            }
        });
        return seen;
    }
}
