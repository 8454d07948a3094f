// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Xunit;

namespace Hikae.Native.Tests.LibvirtTests;

public sealed class DomainTests : IDisposable
{
    private const string Uri = "urn:hikae:domain:1";

    private readonly Connection _connection = Connection.Open(TestDriver.DefaultUri);
    private readonly string _uuid = TestDriver.NewUuid();

    public void Dispose()
    {
        using (Domain? left = _connection.FindByUuid(_uuid))
        {
            if (left is not null)
            {
                bool persistent = left.IsPersistent;
                if (left.GetState().State != DomainState.Shutoff)
                {
                    left.Destroy();
                }

                if (persistent)
                {
                    left.Undefine();
                }
            }
        }

        _connection.Dispose();
    }

    [Fact]
    public void A_created_domain_runs_pauses_resumes_and_is_gone_when_destroyed()
    {
        using Domain domain = _connection.CreateXml(TestDriver.Xml(_uuid), DomainCreateFlags.None);

        Assert.Equal(_uuid, domain.Uuid);
        Assert.Equal($"guest-{_uuid}", domain.Name);
        Assert.True(domain.Id > 0);
        Assert.False(domain.IsPersistent);
        Assert.Equal(DomainState.Running, domain.GetState().State);

        domain.Suspend();
        Assert.Equal((DomainState.Paused, 1), domain.GetState()); // VIR_DOMAIN_PAUSED_USER
        domain.Resume();
        Assert.Equal(DomainState.Running, domain.GetState().State);

        domain.Destroy();
        Assert.Null(_connection.FindByUuid(_uuid));
    }

    [Fact]
    public void A_flag_that_the_driver_does_not_know_is_named()
    {
        var failure = Assert.Throws<LibvirtException>(
            () => _connection.CreateXml(TestDriver.Xml(_uuid), DomainCreateFlags.ForceBoot));

        Assert.Equal(LibvirtErrorCode.VIR_ERR_INVALID_ARG, failure.Code);
        Assert.Contains("unsupported flags (0x8)", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_defined_domain_is_persistent_starts_and_is_undefined()
    {
        using Domain domain = _connection.DefineXml(TestDriver.Xml(_uuid));
        Assert.True(domain.IsPersistent);
        Assert.Equal(DomainState.Shutoff, domain.GetState().State);
        Assert.Equal(-1, domain.Id);

        domain.Create(DomainCreateFlags.None);
        Assert.Equal(DomainState.Running, domain.GetState().State);
        domain.Destroy();
        Assert.Equal(DomainState.Shutoff, domain.GetState().State);

        domain.Undefine();
        Assert.Null(_connection.FindByUuid(_uuid));
    }

    [Fact]
    public void The_xml_names_the_domain()
    {
        using Domain domain = _connection.DefineXml(TestDriver.Xml(_uuid));

        Assert.Contains($"<uuid>{_uuid}</uuid>", domain.GetXml(DomainXmlFlags.Inactive | DomainXmlFlags.Secure), StringComparison.Ordinal);
    }

    [Fact]
    public void A_metadata_element_is_null_until_set_reads_back_and_goes_away()
    {
        using Domain domain = _connection.CreateXml(TestDriver.Xml(_uuid), DomainCreateFlags.None);
        Assert.Null(domain.GetMetadataElement(Uri, DomainAffect.Live));

        domain.SetMetadataElement("<protect backup='höst'/>", "hikae", Uri, DomainAffect.Live);

        // libvirt takes the namespace off again and writes what is not ASCII as character references.
        Assert.Equal("<protect backup=\"h&#xF6;st\"/>", domain.GetMetadataElement(Uri, DomainAffect.Live));
        Assert.Contains(
            $"<hikae:protect xmlns:hikae=\"{Uri}\"", domain.GetXml(DomainXmlFlags.None), StringComparison.Ordinal);

        domain.SetMetadataElement(null, "hikae", Uri, DomainAffect.Live);
        Assert.Null(domain.GetMetadataElement(Uri, DomainAffect.Live));
    }

    [Fact]
    public void Metadata_of_a_domain_that_is_gone_is_an_error_and_not_null()
    {
        using Domain domain = _connection.CreateXml(TestDriver.Xml(_uuid), DomainCreateFlags.None);
        domain.Destroy();

        var failure = Assert.Throws<LibvirtException>(() => domain.GetMetadataElement(Uri, DomainAffect.Current));

        Assert.Equal(LibvirtErrorCode.VIR_ERR_NO_DOMAIN, failure.Code);
    }

    [Fact]
    public void A_title_is_set_and_taken_away()
    {
        using Domain domain = _connection.CreateXml(TestDriver.Xml(_uuid), DomainCreateFlags.None);

        Assert.Null(domain.GetTitle(DomainAffect.Live));
        domain.SetTitle("protected", DomainAffect.Live);
        Assert.Equal("protected", domain.GetTitle(DomainAffect.Live));
        Assert.Contains("<title>protected</title>", domain.GetXml(DomainXmlFlags.None), StringComparison.Ordinal);

        domain.SetTitle(null, DomainAffect.Live);
        Assert.DoesNotContain("<title>", domain.GetXml(DomainXmlFlags.None), StringComparison.Ordinal);
    }

    [Fact]
    public void A_monitor_command_to_a_driver_without_one_says_so()
    {
        using Domain domain = _connection.CreateXml(TestDriver.Xml(_uuid), DomainCreateFlags.None);

        var failure = Assert.Throws<LibvirtException>(() => domain.MonitorCommand("""{"execute":"query-status"}"""));
        Assert.Equal(LibvirtErrorCode.VIR_ERR_NO_SUPPORT, failure.Code);
        Assert.Equal("virDomainQemuMonitorCommand", failure.Function);

        using FileStream file = File.OpenRead("/dev/null");
        failure = Assert.Throws<LibvirtException>(
            () => domain.MonitorCommand("""{"execute":"getfd","arguments":{"fdname":"x"}}""", file.SafeFileHandle));
        Assert.Equal("virDomainQemuMonitorCommandWithFiles", failure.Function);
    }

    [Fact]
    public void A_channel_that_cannot_be_opened_says_why()
    {
        using Domain domain = _connection.CreateXml(TestDriver.Xml(_uuid), DomainCreateFlags.None);

        var failure = Assert.Throws<LibvirtException>(() => domain.OpenChannel("org.hikae.guest.0", force: false));

        Assert.Equal("virDomainOpenChannel", failure.Function);
        Assert.Equal(LibvirtErrorCode.VIR_ERR_NO_SUPPORT, failure.Code);
    }

    [Fact]
    public void A_disposed_domain_may_be_disposed_again_and_refuses_the_rest()
    {
        Domain domain = _connection.CreateXml(TestDriver.Xml(_uuid), DomainCreateFlags.None);

        domain.Dispose();
        domain.Dispose();

        Assert.Throws<ObjectDisposedException>(() => domain.GetState());
    }

    [Fact]
    public void A_domain_may_be_disposed_while_other_threads_use_it()
    {
        using Domain owner = _connection.CreateXml(TestDriver.Xml(_uuid), DomainCreateFlags.None);
        for (int round = 0; round < 200; round++)
        {
            Domain shared = _connection.FindByUuid(_uuid)!;
            Exception? wrong = null;
            var user = new Thread(() =>
            {
                try
                {
                    while (true)
                    {
                        _ = shared.GetXml(DomainXmlFlags.None);
                    }
                }
                catch (ObjectDisposedException)
                {
                }
                catch (LibvirtException exception)
                {
                    wrong = exception;
                }
            });
            user.Start();

            shared.Dispose();
            user.Join();

            Assert.Null(wrong);
        }
    }

    [Fact]
    public void Borrowed_strings_are_not_freed_and_owned_ones_are()
    {
        using Domain domain = _connection.CreateXml(TestDriver.Xml(_uuid), DomainCreateFlags.None);
        long before = ReadResidentBytes(10_000);
        long after = ReadResidentBytes(10_000);

        // 10 000 documents of about 1 kB that were not freed would be 10 MB; a string freed that is not ours kills the process.
        Assert.True(after - before < 5_000_000, $"grew by {after - before} bytes");

        long ReadResidentBytes(int rounds)
        {
            for (int i = 0; i < rounds; i++)
            {
                using Domain? same = _connection.FindByUuid(_uuid);
                Assert.Equal(domain.Name, same!.Name);
                _ = same.GetXml(DomainXmlFlags.None);
                Assert.Null(_connection.FindByName("nobody"));
            }

            GC.Collect();
            GC.WaitForPendingFinalizers();
            string statm = File.ReadAllText("/proc/self/statm");
            return long.Parse(statm.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture) * Environment.SystemPageSize;
        }
    }
}
