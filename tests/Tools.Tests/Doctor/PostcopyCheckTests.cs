// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Tools.Doctor;
using Xunit;

namespace Hikae.Tools.Tests.Doctor;

public sealed class PostcopyCheckTests : IDisposable
{
    private readonly TestHost _host = new();

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData(0, "Ok libvirt-qemu may open")]
    [InlineData(1, "Warn libvirt-qemu may not open")]
    public void The_user_of_QEMU_is_asked_for_the_device(int answer, string sentence)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root, to become the user of QEMU");

        Assert.StartsWith(sentence, Examine($"exit {answer}"), StringComparison.Ordinal);
        Assert.Equal(
            $"--reuid=libvirt-qemu --regid=993 --init-groups /usr/bin/test -r {_host.Root}/dev/userfaultfd -a -w {_host.Root}/dev/userfaultfd\n",
            File.ReadAllText(_host.Root + "/asked"));
    }

    [Fact]
    public void A_user_that_does_not_exist_is_no_answer() =>
        Assert.StartsWith("Warn cannot tell", Examine("echo no such user >&2; exit 1"), StringComparison.Ordinal);

    [Theory]
    [InlineData("/proc/sys/vm/unprivileged_userfaultfd", "1\n", "Ok QEMU may use")]
    [InlineData("/etc/libvirt/qemu.conf", "# user = \"x\"\nuser = \"+0\"\n", "Ok QEMU may use")]
    [InlineData("/etc/libvirt/qemu.conf", "cgroup_device_acl = [\n  \"/dev/null\",\n  \"/dev/kvm\"\n]\n", "Warn cgroup_device_acl")]
    public void Settings_decide_before_the_device(string file, string text, string sentence)
    {
        _host.Write(file, text);

        Assert.StartsWith(sentence, Examine("exit 1"), StringComparison.Ordinal);
    }

    private string Examine(string setpriv)
    {
        _host.Write("/etc/passwd", "root:x:0:0::/root:/bin/sh\nlibvirt-qemu:x:64055:993:Libvirt Qemu:/:/bin/false\n");
        _host.Write("/setpriv", $"#!/bin/sh\necho \"$@\" > {_host.Root}/asked\n{setpriv}\n");
        File.SetUnixFileMode(_host.Root + "/setpriv", UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Finding finding = Assert.Single(new PostcopyCheck(new HostFiles(_host.Root), Distribution.Of(new HostFiles(_host.Root)), _host.Root + "/setpriv").Run());
        return $"{finding.Verdict} {finding.Text}";
    }
}
