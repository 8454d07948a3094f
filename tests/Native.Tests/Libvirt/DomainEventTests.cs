// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Threading.Channels;
using Hikae.Native.Libvirt;
using Xunit;

namespace Hikae.Native.Tests.LibvirtTests;

public sealed class DomainEventTests
{
    [Fact]
    public async Task A_domains_life_arrives_in_order()
    {
        using var connection = Connection.Open(TestDriver.DefaultUri);
        using DomainEventSubscription events = connection.WatchDomains();
        string uuid = TestDriver.NewUuid();

        using Domain domain = connection.CreateXml(TestDriver.Xml(uuid), DomainCreateFlags.None);
        domain.Suspend();
        domain.Resume();
        domain.Destroy();

        foreach (DomainLifecycle expected in new[]
            { DomainLifecycle.Started, DomainLifecycle.Suspended, DomainLifecycle.Resumed, DomainLifecycle.Stopped })
        {
            DomainEvent next = await TestDriver.NextAsync(events, uuid, _ => true);
            Assert.Equal(DomainEventKind.Lifecycle, next.Kind);
            Assert.Equal(expected, (DomainLifecycle)next.Event);
            Assert.Equal($"guest-{uuid}", next.Name);
        }
    }

    [Fact]
    public async Task A_metadata_change_names_the_namespace()
    {
        using var connection = Connection.Open(TestDriver.DefaultUri);
        using DomainEventSubscription events = connection.WatchDomains();
        string uuid = TestDriver.NewUuid();
        using Domain domain = connection.CreateXml(TestDriver.Xml(uuid), DomainCreateFlags.None);

        domain.SetMetadataElement("<protect backup='b'/>", "hikae", "urn:hikae:domain:1", DomainAffect.Live);

        DomainEvent change = await TestDriver.NextAsync(events, uuid, next => next.Kind == DomainEventKind.MetadataChange);
        Assert.Equal("urn:hikae:domain:1", change.Text);
        Assert.Equal(LibvirtApi.VIR_DOMAIN_METADATA_ELEMENT, change.Event);
        domain.Destroy();
    }

    [Fact]
    public async Task After_dispose_the_reader_ends()
    {
        using var connection = Connection.Open(TestDriver.DefaultUri);
        DomainEventSubscription events = connection.WatchDomains();

        events.Dispose();
        events.Dispose();

        await events.Reader.Completion.WaitAsync(TestDriver.Patience, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Disposing_the_connection_ends_its_subscriptions()
    {
        var connection = Connection.Open(TestDriver.DefaultUri);
        DomainEventSubscription events = connection.WatchDomains();

        connection.Dispose();

        await events.Reader.Completion.WaitAsync(TestDriver.Patience, TestContext.Current.CancellationToken);
        events.Dispose();
    }

    [Fact]
    public async Task Subscriptions_may_come_and_go_while_events_fly_and_the_last_one_hears()
    {
        using Connection connection = TestDriver.OpenOwn();
        using var stop = new CancellationTokenSource();
        string uuid = TestDriver.NewUuid();
        var noise = new Thread(() =>
        {
            using Domain domain = connection.CreateXml(TestDriver.Xml(uuid), DomainCreateFlags.None);
            while (!stop.IsCancellationRequested)
            {
                domain.Suspend();
                domain.Resume();
            }

            domain.Destroy();
        });
        noise.Start();

        // A handle freed too early or twice kills the process here.
        for (int i = 0; i < 2000; i++)
        {
            using DomainEventSubscription events = connection.WatchDomains();
            if (i % 50 == 0)
            {
                GC.Collect();
                await TestDriver.NextAsync(events, uuid, _ => true);
            }
        }

        await stop.CancelAsync();
        noise.Join();
    }

    [Fact]
    public void A_disposed_subscription_leaves_nothing_behind()
    {
        using var connection = Connection.Open(TestDriver.DefaultUri);

        WeakReference reader = Subscribe();

        // libvirt may free the callback a moment later, on its own thread.
        Assert.True(SpinWait.SpinUntil(Collected, TestDriver.Patience));

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        WeakReference Subscribe()
        {
            using DomainEventSubscription events = connection.WatchDomains();
            return new WeakReference(events.Reader);
        }

        bool Collected()
        {
            GC.Collect();
            return !reader.IsAlive;
        }
    }

    [Fact]
    public void Monitor_events_of_a_driver_without_a_monitor_are_refused_with_its_name()
    {
        using var connection = Connection.Open(TestDriver.DefaultUri);

        var failure = Assert.Throws<LibvirtException>(() => connection.WatchMonitorEvents(null, "STOP"));

        Assert.Equal("virConnectDomainQemuMonitorEventRegister", failure.Function);
        Assert.Equal(LibvirtErrorCode.VIR_ERR_NO_SUPPORT, failure.Code);
    }

    [Fact]
    public async Task A_reader_that_is_too_slow_is_told_once_and_then_hears_on()
    {
        var queue = new EventQueue<string>("missed");
        for (int i = 0; i < EventQueue<string>.Capacity + 100; i++)
        {
            queue.Add($"{i}");
        }

        List<string> read = Drain(queue.Reader);
        Assert.Equal(EventQueue<string>.Capacity + 1, read.Count);
        Assert.Equal("missed", read[^1]);
        Assert.Equal($"{EventQueue<string>.Capacity - 1}", read[^2]);

        queue.Add("later");
        queue.Complete("closed");
        Assert.Equal(["later", "closed"], Drain(queue.Reader));
        await queue.Reader.Completion;
    }

    [Fact]
    public void The_last_entry_fits_into_a_full_queue()
    {
        var queue = new EventQueue<string>("missed");
        for (int i = 0; i < EventQueue<string>.Capacity + 100; i++)
        {
            queue.Add("event");
        }

        queue.Complete("closed");

        List<string> read = Drain(queue.Reader);
        Assert.Equal(["event", "missed", "closed"], read[^3..]);
    }

    private static List<string> Drain(ChannelReader<string> reader)
    {
        var read = new List<string>();
        while (reader.TryRead(out string? next))
        {
            read.Add(next);
        }

        return read;
    }
}
