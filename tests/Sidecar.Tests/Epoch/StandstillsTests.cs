// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Hikae.Sidecar.Epoch;
using Xunit;

namespace Hikae.Sidecar.Tests.Epoch;

public sealed class StandstillsTests
{
    private readonly List<(DateTimeOffset Stopped, DateTimeOffset Resumed)> _seen = [];
    private readonly Standstills _standstills = new();

    public StandstillsTests() => _standstills.Ended += (stopped, resumed) => _seen.Add((stopped, resumed));

    [Fact]
    public void A_stop_and_the_resume_after_it_are_one_standstill()
    {
        Take("STOP", 100, 250_000);
        Take("BLOCK_JOB_READY", 100, 300_000);
        Take("RESUME", 100, 253_125);

        Assert.Equal([(DateTimeOffset.UnixEpoch.AddMicroseconds(100_250_000), DateTimeOffset.UnixEpoch.AddMicroseconds(100_253_125))], _seen);
    }

    [Fact]
    public void One_without_the_other_is_none()
    {
        Take("RESUME", 99, 0);
        Take("STOP", 100, 0);
        Take("STOP", 101, 0);
        Take("RESUME", 102, 0);
        Take("RESUME", 103, 0);

        Assert.Equal([(DateTimeOffset.UnixEpoch.AddSeconds(101), DateTimeOffset.UnixEpoch.AddSeconds(102))], _seen);
    }

    [Fact]
    public void What_was_missed_between_them_may_have_been_a_resume_and_a_stop()
    {
        Take("STOP", 100, 0);
        Take("", -1, 0);
        Take("RESUME", 105, 0);

        Assert.Empty(_seen);
    }

    private void Take(string name, long seconds, uint micros) => _standstills.Take(new MonitorEvent("u", name, seconds, micros, null));
}
