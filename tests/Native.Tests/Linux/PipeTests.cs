// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;
using Xunit;

namespace Hikae.Native.Tests.LinuxTests;

public sealed class PipeTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public void A_writer_stands_still_until_what_does_not_fit_is_read()
    {
        using Pipe data = Pipe.Create();
        using Pipe done = Pipe.Create();
        Assert.Equal(4096, data.SetCapacity(1));
        var writer = new Thread(() =>
        {
            for (int i = 0; i < 5000; i++)
            {
                data.Signal();
            }
            done.Signal();
        });
        writer.Start();

        Assert.Equal((true, false), Pipe.WaitAny(data, done, Patience));
        byte[] bytes = new byte[8192];
        int read = 0;
        while (read < 5000)
        {
            Assert.False(read < 5000 - 4096 && done.Read(new byte[1]) > 0, "the writer went past a full pipe");
            Pipe.WaitAny(data, done, Patience);
            read += data.Read(bytes);
        }
        writer.Join();

        Assert.Equal(5000, read);
        Assert.Equal(0, data.Read(bytes));
        Assert.Equal((false, true), Pipe.WaitAny(data, done, Patience));
    }

    [Fact]
    public void A_writer_without_a_reader_is_told_so()
    {
        using Pipe pipe = Pipe.Create();
        pipe.ReadEnd.Dispose();

        LinuxException error = Assert.Throws<LinuxException>(pipe.Signal);

        Assert.Equal(32, error.Errno); // EPIPE
    }

    [Fact]
    public void Nothing_to_read_is_no_error()
    {
        using Pipe first = Pipe.Create();
        using Pipe second = Pipe.Create();

        Assert.Equal(0, first.Read(new byte[1]));
        Assert.Equal((false, false), Pipe.WaitAny(first, second, TimeSpan.Zero));
    }
}
