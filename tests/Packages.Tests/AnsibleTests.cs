// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.RegularExpressions;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Packages.Tests;

/// <summary>The Ansible role, run by a third host over SSH against two that have libvirt and nothing else.</summary>
[Collection<SharedPlayedHosts>]
public sealed partial class AnsibleTests(PlayedHosts hosts)
{
    [Fact]
    public void Two_hosts_are_set_up_and_the_second_run_changes_nothing()
    {
        Assert.Equal(["failed=0", "failed=0"], Recap(hosts.FirstPlay, "failed"));
        Assert.DoesNotContain("changed=0", hosts.FirstPlay, StringComparison.Ordinal);

        // The hosts protect each other's guests with the role's certificates, and each key stays on its host.
        LabHost primary = hosts.WaitForProtected();
        (LabHost hostA, LabHost hostB) = (hosts.Lab.HostA, hosts.Lab.HostB);
        Assert.Contains("CN = Hikae hosts", hostA.Run("openssl", "x509", "-noout", "-issuer", "-nameopt", "oneline,space_eq", "-in", "/etc/hikae/pki/host.pem"), StringComparison.Ordinal);
        Assert.NotEqual(hostA.Run("sha256sum", "/etc/hikae/pki/host-key.pem"), hostB.Run("sha256sum", "/etc/hikae/pki/host-key.pem"));
        Assert.Equal("", hosts.Controller.Shell("grep -l 'PRIVATE KEY' /root/ansible/hikae-authority/* | grep -v authority-key.pem || true"));
        Assert.Contains("certificate = /etc/hikae/pki/host.pem", hostB.Shell("cat /etc/hikae/hikae.conf"), StringComparison.Ordinal);

        int? sidecar = hosts.Guest.SidecarOn(primary);
        string second = hosts.Play();

        Assert.Equal(["changed=0", "changed=0"], Recap(second, "changed"));
        Assert.Equal(["failed=0", "failed=0"], Recap(second, "failed"));
        Assert.Equal(sidecar, hosts.Guest.SidecarOn(primary));
        hosts.Guest.WaitForProtected(primary);
    }

    private static string[] Recap(string said, string what)
    {
        string[] found = [.. RecapLine().Matches(said).Select(line => Regex.Match(line.Value, $@"\b{what}=\d+").Value)];
        Assert.True(found.Length == 2 && found.All(count => count == $"{what}=0"), said);
        return found;
    }

    [GeneratedRegex(@"^host[AB] +: .*$", RegexOptions.Multiline)]
    private static partial Regex RecapLine();
}
