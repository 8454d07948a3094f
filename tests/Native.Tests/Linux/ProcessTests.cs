// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Native.Linux;
using Xunit;

namespace Hikae.Native.Tests.LinuxTests;

public sealed class ProcessTests(TargetProgram program) : IClassFixture<TargetProgram>
{
    [Fact]
    public void The_end_of_a_process_is_seen()
    {
        using var target = new Target(program, "ppoll", Target.PageBytes);
        using PidFd process = PidFd.Open(target.Pid);
        Assert.False(process.HasExited);
        Assert.False(process.WaitForExit(TimeSpan.FromMilliseconds(20)));

        process.Kill(15);

        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(10)));
        Assert.True(process.HasExited);
    }

    [Fact]
    public void A_process_that_was_never_there_cannot_be_opened()
    {
        // Above the largest number that Linux gives, 2^22.
        LinuxException e = Assert.Throws<LinuxException>(() => PidFd.Open(5_000_000));

        Assert.Equal(Syscall.ESRCH, e.Errno);
        Assert.Equal("pidfd_open: No such process (errno 3)", e.Message);
    }

    [Fact]
    public void A_descriptor_that_the_process_does_not_have_is_an_error()
    {
        using PidFd self = PidFd.Open(Environment.ProcessId);

        Assert.Equal(9, Assert.Throws<LinuxException>(() => self.GetDescriptor(99_999)).Errno); // EBADF
    }

    [Fact]
    public void Boot_time_is_the_kernels_and_goes_on()
    {
        var clock = new BootTimeProvider();
        double kernel = double.Parse(File.ReadAllText("/proc/uptime").Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);

        long first = clock.GetTimestamp();
        long second = clock.GetTimestamp();

        Assert.InRange(first / 1e9, kernel - 0.02, kernel + 10);
        Assert.True(second >= first);
        Assert.Equal(TimeSpan.FromSeconds(2), clock.GetElapsedTime(0, 2_000_000_000));
    }
}
