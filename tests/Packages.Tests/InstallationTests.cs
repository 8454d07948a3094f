// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.RegularExpressions;
using Hikae.Harness;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Packages.Tests;

/// <summary>The .deb in a clean Debian 13 with systemd and libvirt.</summary>
public sealed partial class InstallationTests(PackagesLab packages)
{
    // All that a package may change, without the records of dpkg, systemd and the journal.
    private const string Everything = "find /etc /usr /var /opt /srv -xdev -path /var/lib/dpkg -prune -o -path /var/log/journal -prune -o -path /var/cache -prune -o -print | sort";

    [Fact]
    public void It_installs_what_the_list_says_and_hikaed_runs()
    {
        LabHost host = packages.Clean;

        host.Run("dpkg", "-i", PackagesLab.Hand(host, packages.Package("hikae_*.deb")));

        Assert.Equal("", host.Shell("dpkg -V hikae"));
        IEnumerable<string> wanted = Repository.Read("packaging", "files").Split('\n')
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(words => words.Length > 2 && words[0] is "hikae" or "hikae/deb")
            .Select(words => words[2]);
        Assert.Equal(wanted.Order(StringComparer.Ordinal), host.Shell("dpkg -L hikae | while read -r f; do [ -d $f ] || echo $f; done").Split('\n').Order(StringComparer.Ordinal));
        Assert.Equal("active\nenabled", host.Shell("systemctl is-active hikaed; systemctl is-enabled hikaed"));
        Assert.Equal("[]", host.Hikae("status", "--json"));
        Assert.Contains("installed and in use", host.TryRun("hikae", "doctor").Output, StringComparison.Ordinal);
        Assert.Matches("^[0-9.]+", host.Shell("hikaed --version && /usr/libexec/hikae/hikae-sidecar --version"));
    }

    [Fact]
    public void Units_and_rule_are_well_formed_with_the_limits_and_the_exposure_that_the_manual_says()
    {
        LabHost host = packages.Clean;
        host.Run("dpkg", "-i", PackagesLab.Hand(host, packages.Package("hikae_*.deb")), PackagesLab.Hand(host, packages.Package("hikae-guest_*.deb")));

        Assert.Equal("", host.Shell(
            "systemd-analyze verify --man=no hikaed.service hikae-sidecar@x.service hikae-backup@x.service hikae-guest.service 2>&1 | grep hikae || true"));
        Assert.Contains("Success: 1", host.Shell("udevadm verify /usr/lib/udev/rules.d/70-hikae.rules"), StringComparison.Ordinal);

        Assert.Equal(
            "30s 402653184 536870912 512",
            host.Shell("for limit in WatchdogUSec MemoryHigh MemoryMax TasksMax; do systemctl show -P $limit hikaed; done | xargs"));
        Assert.Equal("4096 4096", host.Shell("for unit in hikae-sidecar@x hikae-backup@x; do systemctl show -P TasksMax $unit; done | xargs"));

        string manual = Repository.Read("docs", "packages.md");
        Assert.Contains($"`systemd-analyze security` of systemd {host.Shell("systemctl --version | sed -n '1s/systemd \\([0-9]*\\).*/\\1/p'")} ", manual, StringComparison.Ordinal);
        (string Unit, string Figure)[] rows = [.. ExposureRow().Matches(manual).SelectMany(row => row.Groups["unit"].Captures.Zip(
            row.Groups["figure"].Captures, (unit, figure) => (unit.Value, figure.Value)))];
        Assert.Equal(["hikaed", "hikae-sidecar@", "hikae-backup@", "hikae-guest"], rows.Select(row => row.Unit));
        Assert.All(rows, row => Assert.Equal(row.Figure, Exposure(host, row.Unit)));
    }

    [Fact]
    public void Installed_again_it_still_runs_and_what_an_administrator_wrote_stays()
    {
        LabHost host = packages.Clean;
        string package = PackagesLab.Hand(host, packages.Package("hikae_*.deb"));
        host.Run("dpkg", "-i", package);
        host.Shell("sed -i 's/^#detect_ms.*/detect_ms = 700/' /etc/hikae/hikae.conf");

        host.Run("dpkg", "-i", package);
        host.Run("dpkg", "-r", "hikae");
        Assert.Contains("detect_ms = 700", host.Shell("cat /etc/hikae/hikae.conf"), StringComparison.Ordinal);
        Assert.Equal("", host.Shell("pgrep hikae || true"));
        host.Run("dpkg", "-i", package);

        Assert.Equal("active\nenabled", host.Shell("systemctl is-active hikaed; systemctl is-enabled hikaed"));
        Assert.Contains("detect_ms = 700", host.Shell("cat /etc/hikae/hikae.conf"), StringComparison.Ordinal);
    }

    [Fact]
    public void Disabled_by_an_administrator_hikaed_stays_so()
    {
        LabHost host = packages.Clean;
        string package = PackagesLab.Hand(host, packages.Package("hikae_*.deb"));
        host.Run("dpkg", "-i", package);
        host.Run("systemctl", "disable", "hikaed");

        host.Run("dpkg", "-i", package);

        Assert.Equal("disabled", host.Shell("systemctl is-enabled hikaed || true"));
    }

    [Fact]
    public void After_a_purge_nothing_is_left()
    {
        LabHost host = packages.Clean;
        string hikae = PackagesLab.Hand(host, packages.Package("hikae_*.deb"));
        string guest = PackagesLab.Hand(host, packages.Package("hikae-guest_*.deb"));
        string before = host.Shell(Everything);
        host.Run("dpkg", "-i", hikae, guest);
        host.Shell("mkdir -p /var/log/hikae; echo x >/var/log/hikae/x.log; hikae status");

        host.Run("dpkg", "-P", "hikae", "hikae-guest");

        Assert.Equal(before, host.Shell(Everything));
        Assert.Equal("", host.Shell("find /run -xdev -name '*hikae*' -not -path '/run/systemd/*'; systemctl list-unit-files --no-legend 'hikae*'; pgrep hikae || true"));
    }

    [Fact]
    public void A_buffer_with_a_guests_writes_outlives_a_purge()
    {
        LabHost host = packages.Clean;
        host.Run("dpkg", "-i", PackagesLab.Hand(host, packages.Package("hikae_*.deb")));
        host.Shell("touch /run/hikae/1-vda.buffer /run/hikae/1-disks.json /run/hikae/1.draining /run/hikae/1.state");

        host.Run("dpkg", "-P", "hikae");

        Assert.Equal("1-disks.json\n1-vda.buffer\n1.draining", host.Shell("ls /run/hikae; rm -r /run/hikae"));
    }

    [Fact]
    public void A_running_libvirtd_uses_the_hook_at_once()
    {
        LabHost host = packages.Clean;
        string xml = """
            <domain type='qemu'><name>hooked</name><uuid>5a3d5dd3-0f62-4c2c-8a6d-1c9a5c6b2f10</uuid><memory unit='MiB'>32</memory>
              <metadata><hikae:protect xmlns:hikae='urn:hikae:domain:1' backup='hostB'/></metadata><os><type>hvm</type></os></domain>
            """;
        File.WriteAllText(host.PathOf("/root/hooked.xml"), xml);
        host.Virsh("list");
        host.Run("dpkg", "-i", PackagesLab.Hand(host, packages.Package("hikae_*.deb")));
        host.Run("systemctl", "stop", "hikaed");

        // Nobody says that it runs nowhere else.
        CommandResult refused = host.TryRun("virsh", "-q", "create", "/root/hooked.xml");

        Assert.False(refused.Succeeded);
        Assert.Contains("hikaed", refused.Errors, StringComparison.Ordinal);
        host.Run("dpkg", "-r", "hikae");
        host.Virsh("create", "/root/hooked.xml");
        host.Virsh("destroy", "hooked");
    }

    [Fact]
    public void Bash_completes_commands_options_and_guests()
    {
        LabHost host = packages.Clean;
        host.Run("dpkg", "-i", PackagesLab.Hand(host, packages.Package("hikae_*.deb")));
        host.Shell("echo \"<domain type='qemu'><name>mail</name><memory>1024</memory><os><type>hvm</type></os></domain>\" >/root/mail.xml; virsh -q define /root/mail.xml");

        Assert.Equal("disable doctor enable failover status", Complete(host, "hikae "));
        Assert.Equal("mail", Complete(host, "hikae enable m"));
        Assert.Equal("held", Complete(host, "hikae enable mail --outputs h"));

        host.Virsh("undefine", "mail");
    }

    private static string Exposure(LabHost host, string unit) => host.Shell(
        $"systemd-analyze security --no-pager {unit}{(unit.EndsWith('@') ? "x" : "")}.service | sed -n 's/.*Overall exposure level for .*: \\([0-9.]*\\) .*/\\1/p'");

    /// <summary>A row of the table of units: units and figures in the same order.</summary>
    [GeneratedRegex(@"^\| (?:`(?<unit>hikae[a-z@-]*)`(?:, )?)+ \| (?:(?<figure>\d+\.\d)(?:, )?)+ \|", RegexOptions.Multiline)]
    private static partial Regex ExposureRow();

    private static string Complete(LabHost host, string line) => host.Shell(
        $$"""
        . /usr/share/bash-completion/completions/hikae
        COMP_LINE='{{line}}' COMP_POINT={{line.Length}}
        read -ra COMP_WORDS <<<"$COMP_LINE"
        [[ $COMP_LINE != *' ' ]] || COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _hikae
        printf '%s\n' "${COMPREPLY[@]}" | grep -v '^-' | sort | xargs
        """);
}
