// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Configuration;
using Hikae.Tools.Doctor;
using Xunit;

namespace Hikae.Tools.Tests.Doctor;

public sealed class HostCheckTests : IDisposable
{
    private const string Hook = TestHost.Hook;
    private const string Program = TestHost.HookProgram;

    private readonly TestHost _host = new();

    private HostFiles Files => new(_host.Root);

    public void Dispose() => _host.Dispose();

    [Fact]
    public void A_host_in_good_order_is_ok()
    {
        Assert.All(new KernelCheck(Files, Distribution.Of(Files)).Run().Concat(new HookCheck(Files, Distribution.Of(Files)).Run()), finding => Assert.Equal(Verdict.Ok, finding.Verdict));
    }

    [Theory]
    [InlineData("/proc/sys/kernel/osrelease", "6.6.9-amd64", "kernel")]
    [InlineData("/proc/sys/kernel/osrelease", "5.10.0", "kernel")]
    [InlineData("/proc/sys/kernel/osrelease", "unknown", "kernel")]
    [InlineData("/boot/config-6.12.1-amd64", "# CONFIG_PTE_MARKER_UFFD_WP is not set", "userfaultfd")]
    [InlineData("/proc/sys/kernel/yama/ptrace_scope", "3", "ptrace")]
    public void A_kernel_that_cannot_track_memory_fails(string file, string text, string subject)
    {
        _host.Write(file, text);

        Finding failure = Assert.Single(new KernelCheck(Files, Distribution.Of(Files)).Run(), finding => finding.Verdict == Verdict.Fail);
        Assert.Equal(subject, failure.Subject);
        Assert.NotNull(failure.Remedy);
    }

    [Fact]
    public void Ptrace_forbidden_for_good_needs_a_reboot()
    {
        _host.Write("/proc/sys/kernel/yama/ptrace_scope", "3");

        string remedy = Failure(new KernelCheck(Files, Distribution.Of(Files))).Remedy!;

        Assert.StartsWith("echo 'kernel.yama.ptrace_scope = 2' >/etc/sysctl.d/99-z-ptrace.conf; reboot ", remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_where_systemd_runs_a_missing_daemon_is_started_with_systemctl()
    {
        string nobody = Path.Combine(_host.Root, "hikaed.sock");
        Assert.Contains("service manager run /usr/sbin/hikaed", Failure(new DaemonCheck(Files, nobody)).Remedy, StringComparison.Ordinal);

        Directory.CreateDirectory(_host.Root + "/run/systemd/system");

        Assert.StartsWith("systemctl enable --now hikaed; ", Failure(new DaemonCheck(Files, nobody)).Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_dangling_or_forbidden_hook_fails()
    {
        File.SetUnixFileMode(_host.Root + Program, UnixFileMode.UserRead);
        Assert.Contains("not executable", Failure(new HookCheck(Files, Distribution.Of(Files))).Text, StringComparison.Ordinal);

        _host.Delete(Program);
        Assert.Contains("leads nowhere", Failure(new HookCheck(Files, Distribution.Of(Files))).Text, StringComparison.Ordinal);

        _host.Delete(Hook);
        Assert.Contains("is missing", Failure(new HookCheck(Files, Distribution.Of(Files))).Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(4_000_000_000, "Ok")]
    [InlineData(1001, "Warn")]
    public void A_hook_installed_after_libvirtd_was_started_may_not_be_in_use(long start, string verdict)
    {
        // The link was made just now: after 1970, before 2096.
        _host.RunLibvirtd(start);

        Assert.Equal(verdict, Assert.Single(new HookCheck(Files, Distribution.Of(Files)).Run()).Verdict.ToString());
    }

    [Fact]
    public void A_profile_that_forbids_the_hook_fails_until_it_is_told()
    {
        _host.Write("/sys/kernel/security/apparmor/profiles", "virt-aa-helper (enforce)\nlibvirtd (enforce)\n");
        Assert.Equal("AppArmor", Failure(new HookCheck(Files, Distribution.Of(Files))).Subject);

        _host.Write("/etc/apparmor.d/local/usr.sbin.libvirtd", Program + " PUx,\n");
        Assert.Equal(Verdict.Ok, Assert.Single(new HookCheck(Files, Distribution.Of(Files)).Run()).Verdict);
    }

    [Fact]
    public void The_arbiter_directory_must_be_set_there_and_shared()
    {
        var arbiter = new ArbiterConfiguration { Directory = "/srv/shared/hikae" };
        Assert.Contains("etcd cannot be reached", Failure(new ArbiterCheck(Files, Distribution.Of(Files), new ArbiterConfiguration
        {
            Kind = ArbiterKind.Etcd,
            Endpoints = [new Uri("http://127.0.0.1:1")],
        })).Text, StringComparison.Ordinal);
        Assert.Contains("no arbiter directory configured", Failure(new ArbiterCheck(Files, Distribution.Of(Files), new ArbiterConfiguration())).Text, StringComparison.Ordinal);
        Assert.Contains("does not exist", Failure(new ArbiterCheck(Files, Distribution.Of(Files), arbiter)).Text, StringComparison.Ordinal);

        Directory.CreateDirectory(_host.Root + arbiter.Directory);
        Mounts("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / /srv/share rw - nfs4 x rw\n");
        Assert.Equal(Verdict.Warn, Assert.Single(new ArbiterCheck(Files, Distribution.Of(Files), arbiter).Run()).Verdict);

        Mounts("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / /srv/shared rw shared:5 - nfs4 server:/x rw\n");
        Assert.Equal(Verdict.Ok, Assert.Single(new ArbiterCheck(Files, Distribution.Of(Files), arbiter).Run()).Verdict);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_host.Root + arbiter.Directory));
    }

    private static Finding Failure(IDoctorCheck check) => Assert.Single(check.Run(), finding => finding.Verdict == Verdict.Fail);

    private void Mounts(string text) => _host.Write("/proc/self/mountinfo", text);
}
