// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Epoch;
using Xunit;

namespace Hikae.Sidecar.Tests.Output;

public sealed class HeldInterfaceTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public void Packets_pass_before_anything_is_held()
    {
        using var test = new InterfaceUnderTest();
        test.Held.Start();

        test.Guest.Send(Packets.Range(1, 100));

        Assert.Equal(Enumerable.Range(1, 100), test.Leaving(100));
    }

    [Fact]
    public void Whatever_the_guest_wrote_before_it_stood_still_belongs_to_the_epoch()
    {
        using var test = new InterfaceUnderTest();
        test.Held.Hold();
        test.Held.Start();
        for (ulong epoch = 1; epoch <= 200; epoch++)
        {
            // No wait between: the reader thread may have any part of it, or nothing.
            test.Guest.Send(Packets.Range((int)epoch * 10, 10));
            test.Held.Seal(new EpochId(epoch));
            Assert.Equal(0, test.Network.Available);

            test.Held.ReleaseThrough(new EpochId(epoch));

            Assert.Equal(Enumerable.Range((int)epoch * 10, 10), test.Leaving(10));
        }
    }

    [Fact]
    public void A_waiting_packet_asks_for_a_checkpoint_and_a_passing_one_does_not()
    {
        using var test = new InterfaceUnderTest();
        test.Held.Start();
        test.Guest.Send(Packets.Framed(1));
        test.Leaving(1);
        Assert.False(test.Waiting.IsSet);
        test.Held.Hold();

        test.Guest.Send(Packets.Framed(2));

        Assert.True(test.Waiting.Wait(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void More_than_a_socket_takes_leaves_in_order_as_the_network_takes_it()
    {
        using var test = new InterfaceUnderTest();
        test.Held.Hold();
        test.Held.Start();
        test.Guest.Send(Packets.Range(1, 3000, 1400));
        test.Held.Seal(new EpochId(1));

        test.Held.ReleaseThrough(new EpochId(1));

        Assert.Equal(Enumerable.Range(1, 3000), test.Leaving(3000));
    }

    [Fact]
    public void QEMU_never_waits_for_a_network_that_stands_still_and_what_is_too_much_is_dropped()
    {
        using var test = new InterfaceUnderTest(maxBytes: 100_000);
        test.Held.Hold();
        test.Held.Start();

        test.Guest.Send(Packets.Range(1, 3000, 996));
        test.Held.Seal(new EpochId(1));

        Assert.Equal(3000, test.Held.Counters.Packets);
        Assert.Equal(2900, test.Held.Counters.Dropped);
        Assert.Equal(100_000, test.Held.Counters.HeldBytes);
        test.Held.ReleaseThrough(new EpochId(1));
        Assert.Equal(Enumerable.Range(1, 100), test.Leaving(100));
    }

    [Fact]
    public void Drained_means_that_QEMU_has_everything()
    {
        using var test = new InterfaceUnderTest();
        test.Held.Hold();
        test.Held.Start();
        test.Guest.Send(Packets.Range(1, 10));
        test.Held.Seal(new EpochId(1));
        test.Held.PassThrough();

        Assert.False(test.Held.WaitDrained(TimeSpan.FromMilliseconds(20)));
        test.Leaving(10);

        Assert.True(test.Held.WaitDrained(Patience));
    }

    [Fact]
    public void Fenced_nothing_comes_out_and_QEMU_still_need_not_wait()
    {
        using var test = new InterfaceUnderTest();
        test.Held.Hold();
        test.Held.Start();
        test.Guest.Send(Packets.Range(1, 10));
        test.Held.Seal(new EpochId(1));

        test.Held.DropAll();
        test.Guest.Send(Packets.Range(11, 3000, 1400));
        test.Held.ReleaseThrough(new EpochId(1));
        test.Held.Dispose();

        // End of stream, and nothing before it.
        Assert.Equal(0, test.Network.Receive(new byte[1]));
    }

    [Fact]
    public void An_interface_that_QEMU_closed_can_hold_nothing()
    {
        using var test = new InterfaceUnderTest();
        test.Held.Hold();
        test.Held.Start();

        test.Guest.Dispose();

        InvalidDataException error = Assert.Throws<InvalidDataException>(() => test.Held.Seal(new EpochId(1)));
        Assert.Contains("vnet0 can no longer be held", error.Message, StringComparison.Ordinal);
    }
}
