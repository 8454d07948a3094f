// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;
using Xunit;

namespace Hikae.Native.Tests.LinuxTests;

public sealed class NicenessTests
{
    [Fact]
    public void It_belongs_to_one_thread()
    {
        int before = Niceness.OfThisThread;
        int set = 0;
        int other = before;
        var thread = new Thread(() =>
        {
            Niceness.OfThisThread = before + 3;
            set = Niceness.OfThisThread;
        });
        thread.Start();
        thread.Join();
        other = Niceness.OfThisThread;

        Assert.Equal(before + 3, set);
        Assert.Equal(before, other);
    }
}
