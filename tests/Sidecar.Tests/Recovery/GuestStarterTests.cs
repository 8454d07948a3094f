// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Replication;
using Hikae.Sidecar.PageStore;
using Hikae.Sidecar.Recovery;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Hikae.Sidecar.Tests.Recovery;

/// <summary>
/// Against libvirt's own test driver, which has one running domain named "test" and no QEMU. What needs a QEMU under libvirt
/// is tested on the lab's hosts.
/// </summary>
public sealed class GuestStarterTests : IDisposable
{
    private const string RunningUuid = "6695eb01-f6a4-8304-79aa-97f2502e193f";
    private const string OtherUuid = "11111111-2222-3333-4444-555555555555";

    private readonly GuestStarter _starter = new("test:///default", NullLogger.Instance);

    public void Dispose() => _starter.Dispose();

    [Fact]
    public void A_guest_that_runs_here_is_not_started()
    {
        DryStartResult result = _starter.DryStart(Xml("elsewhere", RunningUuid));

        Assert.False(result.Ok);
        Assert.Equal($"A guest with UUID {RunningUuid} is active on this host, under the name \"test\".", result.Reason);
    }

    [Fact]
    public void A_name_of_another_guest_is_refused()
    {
        DryStartResult result = _starter.DryStart(Xml("test", OtherUuid));

        Assert.False(result.Ok);
        Assert.Equal($"The name \"test\" belongs to another guest on this host, {RunningUuid}.", result.Reason);
    }

    [Fact]
    public void What_libvirt_says_is_the_reason()
    {
        DryStartResult result = _starter.DryStart(Xml("new", OtherUuid));

        Assert.False(result.Ok);
        Assert.Contains("virDomainCreateXML", result.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_libvirtd_that_is_not_there_is_the_reason()
    {
        DryStartResult result = new GuestStarter("qemu+unix:///system?socket=/nonexistent", NullLogger.Instance).DryStart(Xml("new", OtherUuid));

        Assert.False(result.Ok);
        Assert.Contains("virConnectOpen", result.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_recovery_that_cannot_begin_says_why_and_starts_nothing()
    {
        using ReplicaStore store = new();
        bool ran = false;

        RecoveryException refusal = Assert.Throws<RecoveryException>(() => _starter.Recover(Xml("x", RunningUuid), store, "hostA", _ => { }, _ => { }, _ => ran = true));

        Assert.Contains("is active on this host", refusal.Message, StringComparison.Ordinal);
        Assert.False(ran);
        Assert.Empty(_starter.Progress!.Steps);
    }

    private static string Xml(string name, string uuid) => $"""
        <domain type='test'>
          <name>{name}</name>
          <uuid>{uuid}</uuid>
          <memory>8192</memory>
          <os><type>hvm</type></os>
        </domain>
        """;
}
