// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Xunit;

namespace Hikae.Native.Tests.LibvirtTests;

public sealed class ConnectionTests
{
    [Fact]
    public void An_open_connection_is_alive_and_knows_host_and_version()
    {
        using var connection = Connection.Open(TestDriver.DefaultUri);

        Assert.True(connection.IsAlive);
        Assert.NotEmpty(connection.HostName);
        Assert.True(connection.LibraryVersion >= 9_000_000, $"version {connection.LibraryVersion}");
        Assert.False(connection.Closed.IsCompleted);
    }

    [Fact]
    public void A_host_description_that_is_not_there_gives_function_and_libvirts_words()
    {
        var failure = Assert.Throws<LibvirtException>(() => Connection.Open("test:///nowhere.xml"));

        Assert.Equal("virConnectOpen", failure.Function);
        Assert.NotEqual(LibvirtErrorCode.VIR_ERR_OK, failure.Code);
        Assert.StartsWith("virConnectOpen: ", failure.Message, StringComparison.Ordinal);
        Assert.Contains("nowhere.xml", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_libvirtd_that_is_not_there_gives_the_socket_in_the_text()
    {
        var failure = Assert.Throws<LibvirtException>(() => Connection.Open("qemu+unix:///system?socket=/nowhere/libvirt-sock"));

        Assert.Equal(LibvirtErrorCode.VIR_ERR_SYSTEM_ERROR, failure.Code);
        Assert.Contains("/nowhere/libvirt-sock", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unknown_domain_is_null_and_a_malformed_uuid_an_error()
    {
        using var connection = Connection.Open(TestDriver.DefaultUri);

        Assert.Null(connection.FindByUuid(TestDriver.NewUuid()));
        Assert.Null(connection.FindByName("nobody"));
        var failure = Assert.Throws<LibvirtException>(() => connection.FindByUuid("not a uuid"));
        Assert.Equal(LibvirtErrorCode.VIR_ERR_INVALID_ARG, failure.Code);
        Assert.Equal("virDomainLookupByUUIDString", failure.Function);
    }

    [Fact]
    public void Bad_xml_gives_the_parsers_words()
    {
        using var connection = Connection.Open(TestDriver.DefaultUri);

        var failure = Assert.Throws<LibvirtException>(() => connection.DefineXml("<domain>"));

        Assert.Equal("virDomainDefineXML", failure.Function);
        Assert.NotEqual(LibvirtErrorCode.VIR_ERR_OK, failure.Code);
        Assert.Contains("domain", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Domains_are_listed_with_and_without_those_that_do_not_run()
    {
        using var connection = Connection.Open(TestDriver.DefaultUri);
        string uuid = TestDriver.NewUuid();
        using Domain stopped = connection.DefineXml(TestDriver.Xml(uuid));

        Assert.Contains(uuid, Uuids(activeOnly: false));
        Assert.DoesNotContain(uuid, Uuids(activeOnly: true));
        Assert.NotEmpty(Uuids(activeOnly: true)); // the driver comes with a running domain named "test"

        stopped.Undefine();

        string[] Uuids(bool activeOnly)
        {
            IReadOnlyList<Domain> domains = connection.ListDomains(activeOnly);
            string[] uuids = [.. domains.Select(domain => domain.Uuid)];
            foreach (Domain domain in domains)
            {
                domain.Dispose();
            }

            return uuids;
        }
    }

    [Fact]
    public async Task Disposing_twice_is_harmless_and_completes_closed()
    {
        var connection = Connection.Open(TestDriver.DefaultUri);

        connection.Dispose();
        connection.Dispose();

        await connection.Closed.WaitAsync(TestDriver.Patience, TestContext.Current.CancellationToken);
        Assert.False(connection.IsAlive);
        Assert.Throws<ObjectDisposedException>(() => connection.HostName);
    }

    [Fact]
    public void A_domain_outlives_its_connection_object()
    {
        string uuid = TestDriver.NewUuid();
        var connection = Connection.Open(TestDriver.DefaultUri);
        using Domain domain = connection.CreateXml(TestDriver.Xml(uuid), DomainCreateFlags.None);

        connection.Dispose();

        Assert.Equal(DomainState.Running, domain.GetState().State);
        domain.Destroy();
    }

    [Fact]
    public void Errors_belong_to_the_thread_that_made_them()
    {
        using var connection = Connection.Open(TestDriver.DefaultUri);
        Exception? wrong = null;
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(number => new Thread(() => Provoke(number)))];

        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        Assert.Null(wrong);

        void Provoke(int number)
        {
            try
            {
                for (int i = 0; i < 2_000; i++)
                {
                    string name = $"nobody-{number}-{i}";
                    var failure = Assert.Throws<LibvirtException>(
                        () => connection.DefineXml($"<domain type='{name}'><name>{name}</name></domain>"));
                    Assert.Contains(name, failure.Message, StringComparison.Ordinal);
                    Assert.Null(connection.FindByName(name));
                }
            }
            catch (Xunit.Sdk.XunitException exception)
            {
                wrong = exception;
            }
        }
    }
}
