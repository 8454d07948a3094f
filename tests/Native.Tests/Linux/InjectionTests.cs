// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Harness;
using Hikae.Native.Linux;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Hikae.Native.Tests.LinuxTests;

/// <summary>What taking a userfaultfd out of a process does to that process: nothing it could notice.</summary>
public sealed class InjectionTests(TargetProgram program) : IClassFixture<TargetProgram>
{
    private const ulong LengthBytes = 16 * Target.PageBytes;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    [Theory]
    [InlineData("busy")]
    [InlineData("signals")]
    public void A_computing_process_computes_on_and_its_sums_stay_right(string mode)
    {
        Requires.Root();
        using var target = new Target(program, mode, LengthBytes);
        long before = long.Parse(target.Ask("c"), null);
        var stops = new List<double>();

        for (int i = 0; i < 200; i++)
        {
            using SafeFileHandle handle = UserfaultInjector.Attach(target.Pid, Timeout, out TimeSpan stopped);
            stops.Add(stopped.TotalMicroseconds);
        }

        stops.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine($"{mode}: stopped {stops[100]:0} us median, {stops[198]:0} us p99, {stops[199]:0} us at most");
        SpinWait.SpinUntil(() => long.Parse(target.Ask("c"), null) > before + 1000, Timeout);
        Assert.False(target.HasExited);
        Assert.True(long.Parse(target.Ask("c"), null) > before + 1000);
    }

    [Fact]
    public void What_comes_out_is_a_userfaultfd_and_none_stays_inside()
    {
        Requires.Root();
        using var target = new Target(program, "busy", LengthBytes);
        string before = target.Ask("f");

        using SafeFileHandle handle = UserfaultInjector.Attach(target.Pid, Timeout);

        string? link = new FileInfo($"/proc/self/fd/{handle.DangerousGetHandle()}").LinkTarget;
        Assert.Equal("anon_inode:[userfaultfd]", link);
        Assert.Equal(before, target.Ask("f"));
    }

    [Fact]
    public void A_process_that_sleeps_in_nanosleep_sleeps_its_whole_time()
    {
        Requires.Root();
        using var target = new Target(program, "nanosleep", LengthBytes);

        for (int i = 0; i < 10; i++)
        {
            UserfaultInjector.Attach(target.Pid, Timeout).Dispose();
        }

        SpinWait.SpinUntil(() => target.Ask("s") != "asleep", Timeout);
        Assert.Equal("whole", target.Ask("s"));
    }

    [Fact]
    public void A_process_that_waits_in_ppoll_goes_on_waiting()
    {
        Requires.Root();
        using var target = new Target(program, "ppoll", LengthBytes);

        for (int i = 0; i < 10; i++)
        {
            UserfaultInjector.Attach(target.Pid, Timeout).Dispose();
        }

        Assert.Equal("asleep", target.Ask("s"));
        Assert.False(target.HasExited);
    }

    [Fact]
    public void A_process_stopped_by_a_signal_gives_its_userfaultfd_and_stays_stopped()
    {
        Requires.Root();
        using var target = new Target(program, "busy", LengthBytes);
        target.Kill(19); // SIGSTOP
        SpinWait.SpinUntil(() => State(target) == 'T', Timeout);

        UserfaultInjector.Attach(target.Pid, Timeout).Dispose();

        SpinWait.SpinUntil(() => State(target) == 'T', Timeout);
        Assert.Equal('T', State(target));
        target.Kill(18); // SIGCONT
        Assert.NotEmpty(target.Ask("c"));
    }

    [Fact]
    public void A_process_that_cannot_be_stopped_is_let_go_when_the_time_is_over()
    {
        Requires.Root();
        using var target = new Target(program, "vfork", LengthBytes);
        SpinWait.SpinUntil(() => State(target) == 'D', Timeout);
        long start = Stopwatch.GetTimestamp();

        Assert.Throws<TimeoutException>(() => UserfaultInjector.Attach(target.Pid, TimeSpan.FromMilliseconds(200)));

        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalMilliseconds, 190, 1500);
        Assert.True(SpinWait.SpinUntil(() => !IsTraced(target), TimeSpan.FromSeconds(1)));
        Assert.Equal('D', State(target));
        Assert.True(SpinWait.SpinUntil(() => State(target) == 'S', Timeout));
        UserfaultInjector.Attach(target.Pid, Timeout).Dispose();
        Assert.False(target.HasExited);
    }

    [Fact]
    public void A_process_that_is_not_there_is_an_error()
    {
        using var target = new Target(program, "busy", LengthBytes);
        target.Kill(9);
        Assert.True(target.WaitForExit(Timeout));

        LinuxException e = Assert.Throws<LinuxException>(() => UserfaultInjector.Attach(target.Pid, Timeout));

        Assert.Equal(Syscall.ESRCH, e.Errno);
    }

    private static bool IsTraced(Target target) =>
        !File.ReadAllText($"/proc/{target.Pid}/status").Contains("TracerPid:\t0\n", StringComparison.Ordinal);

    // The third word of stat; the second, the name in parentheses, has no blank here.
    private static char State(Target target) => File.ReadAllText($"/proc/{target.Pid}/stat").Split(' ')[2][0];
}
