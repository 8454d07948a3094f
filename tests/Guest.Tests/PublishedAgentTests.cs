// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Diagnostics;
using Hikae.Harness;
using Xunit;

namespace Hikae.Guest.Tests;

/// <summary>The binary as it goes into a guest.</summary>
public sealed class PublishedAgentTests
{
    private static readonly Lazy<string> s_agent = new(Publish);

    [Fact]
    public void It_is_static()
    {
        const uint interpreter = 3; // PT_INTERP
        const uint dynamic = 2; // PT_DYNAMIC
        byte[] elf = File.ReadAllBytes(s_agent.Value);
        int headers = (int)BinaryPrimitives.ReadInt64LittleEndian(elf.AsSpan(32));
        int size = BinaryPrimitives.ReadInt16LittleEndian(elf.AsSpan(54));
        int count = BinaryPrimitives.ReadInt16LittleEndian(elf.AsSpan(56));
        uint[] types = [.. Enumerable.Range(0, count).Select(i => BinaryPrimitives.ReadUInt32LittleEndian(elf.AsSpan(headers + (i * size))))];
        Assert.DoesNotContain(interpreter, types);
        Assert.DoesNotContain(dynamic, types);
    }

    [Theory]
    [InlineData("--version", "hikae-guest ")]
    [InlineData("--help", "Usage: hikae-guest")]
    public void It_says_what_it_is(string option, string text)
    {
        (int status, string output) = Run(option);
        Assert.Equal(0, status);
        Assert.Contains(text, output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_option_it_does_not_know_is_wrong_usage()
    {
        (int status, string output) = Run("--nonsense");
        Assert.Equal(2, status);
        Assert.Contains("--nonsense", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--print")]
    [InlineData("--once")]
    public void It_prints_what_it_would_report(string option)
    {
        Assert.SkipUnless(File.Exists("/proc/kpageflags") && Environment.UserName == "root", "needs root and /proc/kpageflags");
        (int status, string output) = Run(option);
        Assert.Equal(0, status);
        Assert.Contains("clean page cache", output, StringComparison.Ordinal);
        Assert.Contains("ns a page", output, StringComparison.Ordinal);
    }

    private static (int Status, string Output) Run(string option)
    {
        using Process process = Start(s_agent.Value, option);
        string output = process.StandardOutput.ReadToEnd() + process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }

    private static string Publish()
    {
        string agent = Repository.PathOf("artifacts", "bin", "hikae-guest");
        if (!File.Exists(agent))
        {
            using Process publish = Start(Repository.PathOf("publish"), "hikae-guest");
            string output = publish.StandardOutput.ReadToEnd();
            publish.WaitForExit();
            Assert.True(publish.ExitCode == 0, output);
        }

        return agent;
    }

    private static Process Start(string file, string argument) =>
        Process.Start(new ProcessStartInfo(file, argument) { RedirectStandardOutput = true, RedirectStandardError = true })!;
}
