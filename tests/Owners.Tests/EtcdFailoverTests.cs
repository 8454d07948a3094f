// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness;
using Hikae.Harness.Labs;
using Hikae.Protocol.Configuration;
using Xunit;

namespace Hikae.Owners.Tests;

/// <summary>Hosts whose arbiter is an etcd that runs on neither of them.</summary>
public sealed class EtcdFailoverTests
{
    [Fact]
    public void Without_etcd_a_guest_goes_on_and_is_not_taken_over_and_when_etcd_is_back_it_is()
    {
        Lab.RequireParts();
        EtcdServer.Require();
        using Lab lab = Lab.Up("etcd", new LabOptions { Settings = SharedLab.CalmSettings.Concat(LabEtcd.Settings).ToDictionary() });
        using var etcd = new LabEtcd(lab);
        using var one = new OneOwner(lab, "etcd");

        etcd.Kill();
        one.WaitForAnswersDuring(2 * new ArbiterConfiguration().Lease);
        Assert.Equal("protected", one.Guest.ReportOn(lab.HostA)!.State);

        lab.HostA.Kill();
        one.Guest.WaitForReport(lab.HostB, "lost, without an arbiter", report => report.State == "failed" && report.Reason.Contains("etcd cannot be reached", StringComparison.Ordinal));
        Assert.NotEqual("running", one.Guest.StateOn(lab.HostB));

        etcd.Start();
        one.WaitUntilImageIsWrittenBy(lab.HostB);
        one.Ledger.WaitForAnswers(5);
        one.AssertOwners(lab.HostA, lab.HostB);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(lab.SharedFolder, "hikae")));
        one.Stop(lab.HostB);
    }
}
