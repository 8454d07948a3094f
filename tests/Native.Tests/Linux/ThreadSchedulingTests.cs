// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Native.Linux;
using Xunit;

namespace Hikae.Native.Tests.LinuxTests;

public sealed class ThreadSchedulingTests
{
    [Fact]
    public void Another_process_thread_goes_before_others_and_back_and_what_it_starts_does_not()
    {
        using Process other = Process.Start(new ProcessStartInfo("sh", ["-c", "read line; chrt --pid $$; sh -c 'chrt --pid $$'"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        ThreadScheduling before = ThreadScheduling.Of(other.Id);

        ThreadScheduling.BeforeOthers.ApplyTo(other.Id);
        ThreadScheduling during = ThreadScheduling.Of(other.Id);
        other.StandardInput.WriteLine();
        string told = other.StandardOutput.ReadToEnd();

        Assert.Equal(ThreadScheduling.Ordinary, before);
        Assert.Equal(ThreadScheduling.BeforeOthers, during);
        Assert.Contains("SCHED_FIFO|SCHED_RESET_ON_FORK", told, StringComparison.Ordinal);
        Assert.Contains("SCHED_OTHER", told, StringComparison.Ordinal);
    }

    [Fact]
    public void Another_process_is_put_on_one_processor_and_back()
    {
        using Process other = Process.Start(new ProcessStartInfo("sh", ["-c", "read line; taskset --pid $$"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        ulong[] before = ThreadAffinity.Of(other.Id);
        ulong[] one = ThreadAffinity.Common([before, ThreadAffinity.Of(Environment.ProcessId)])!;

        ThreadAffinity.Set(other.Id, one);
        ulong[] during = ThreadAffinity.Of(other.Id);
        other.StandardInput.WriteLine();

        Assert.Equal(one, during);
        Assert.EndsWith($"affinity mask: {one[0]:x}", other.StandardOutput.ReadToEnd().Trim(), StringComparison.Ordinal);
        Assert.Null(ThreadAffinity.Common([one, [.. one.Select(word => ~word)]]));
    }

    [Fact]
    public void It_goes_back_to_what_it_had()
    {
        using Process other = Process.Start(new ProcessStartInfo("cat") { RedirectStandardInput = true })!;
        ThreadScheduling before = ThreadScheduling.Of(other.Id);

        ThreadScheduling.BeforeOthers.ApplyTo(other.Id);
        before.ApplyTo(other.Id);

        Assert.Equal(before, ThreadScheduling.Of(other.Id));
        other.StandardInput.Close();
        other.WaitForExit();
        Assert.Equal("sched_setscheduler", Assert.Throws<LinuxException>(() => before.ApplyTo(other.Id)).Function);
    }
}
