// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Tools.Doctor;

/// <summary>What memory tracking needs from the kernel: PAGEMAP_SCAN, userfaultfd, and a way to open one inside QEMU.</summary>
/// <remarks>
/// The page fault handle is opened by QEMU's own user with UFFD_USER_MODE_ONLY, which needs no privilege and does not
/// depend on vm.unprivileged_userfaultfd.
/// </remarks>
internal sealed class KernelCheck(HostFiles host, Distribution distribution) : IDoctorCheck
{
    // The last file wins; /etc/sysctl.conf is read as 99-sysctl.conf.
    private const string PtraceRemedy =
        "echo 'kernel.yama.ptrace_scope = 2' >/etc/sysctl.d/99-z-ptrace.conf; reboot (3 cannot be lowered while the kernel runs: sysctl --system does not do)";

    private static readonly Version Needed = new(6, 7);

    public IEnumerable<Finding> Run()
    {
        string release = host.Read("/proc/sys/kernel/osrelease") ?? "";
        Version? version = VersionText.After("", release);
        if (version is null || version < Needed)
        {
            yield return Finding.Fail("kernel", $"Linux {release}, and PAGEMAP_SCAN came with {Needed}", distribution.Kernel);
        }
        else if (!host.Exists("/proc/self/pagemap"))
        {
            yield return Finding.Fail("kernel", "PAGEMAP_SCAN is missing: no /proc/self/pagemap", "use a kernel with CONFIG_PROC_PAGE_MONITOR, as the distribution's own");
        }
        else
        {
            yield return Finding.Ok("kernel", $"Linux {release} has PAGEMAP_SCAN");
        }

        yield return Userfaultfd(release);
        yield return Ptrace();
    }

    private Finding Userfaultfd(string release)
    {
        const string Remedy = "use a kernel with CONFIG_USERFAULTFD and CONFIG_PTE_MARKER_UFFD_WP, as the distribution's own";
        string? build = host.Read($"/boot/config-{release}");
        if (!host.Exists("/proc/sys/vm/unprivileged_userfaultfd"))
        {
            return Finding.Fail("userfaultfd", "this kernel has none", Remedy);
        }

        return build is not null && !build.Contains("CONFIG_PTE_MARKER_UFFD_WP=y", StringComparison.Ordinal)
            ? Finding.Fail("userfaultfd", "this kernel cannot write-protect shared memory with it", Remedy)
            : Finding.Ok("userfaultfd", "usable by QEMU's user to track memory");
    }

    private Finding Ptrace() => host.Read("/proc/sys/kernel/yama/ptrace_scope") == "3"
        ? Finding.Fail("ptrace", "kernel.yama.ptrace_scope is 3: nobody may attach to QEMU", PtraceRemedy)
        : Finding.Ok("ptrace", "root may attach to QEMU");
}
