// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Tools.Tests.Doctor;

/// <summary>A folder that looks like the root of a host in good order, for doctor to look at and for tests to break.</summary>
internal sealed class TestHost : IDisposable
{
    internal const string Hook = "/etc/libvirt/hooks/qemu.d/hikae";
    internal const string HookProgram = "/usr/libexec/hikae/hikae-hook";

    internal TestHost()
    {
        Write("/proc/sys/kernel/osrelease", "6.12.1-amd64\n");
        Write("/proc/self/pagemap", "");
        Write("/proc/sys/vm/unprivileged_userfaultfd", "0\n");
        Write("/boot/config-6.12.1-amd64", "CONFIG_PTE_MARKER_UFFD_WP=y\n");
        Write("/proc/sys/kernel/yama/ptrace_scope", "1\n");
        Write(HookProgram, "");
        File.SetUnixFileMode(Root + HookProgram, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Write("/etc/libvirt/hooks/qemu.d/README", "");
        File.CreateSymbolicLink(Root + Hook, Root + HookProgram);
    }

    internal string Root { get; } = Directory.CreateTempSubdirectory("hikae-host-").FullName;

    public void Dispose() => Directory.Delete(Root, recursive: true);

    internal void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Root + path)!);
        File.WriteAllText(Root + path, text);
    }

    internal void Delete(string path) => File.Delete(Root + path);

    /// <summary>A libvirtd that was started the given number of seconds after 1970.</summary>
    internal void RunLibvirtd(long startSeconds)
    {
        Write("/proc/stat", "cpu 1 2 3\nbtime 1000\n");
        Write("/proc/42/comm", "libvirtd\n");
        Write("/proc/42/stat", $"42 (lib (v) irtd) S {string.Join(' ', Enumerable.Range(4, 18))} {(startSeconds - 1000) * 100} 23 24\n");
    }
}
