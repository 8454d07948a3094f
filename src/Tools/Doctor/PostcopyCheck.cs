// SPDX-License-Identifier: LGPL-2.1-or-later
using System.ComponentModel;
using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Hikae.Tools.Doctor;

/// <summary>Whether QEMU may supply memory on demand after a failover (its "postcopy"), which needs a userfaultfd of its own.</summary>
/// <remarks>
/// Tracking a running guest needs none of this: see <see cref="KernelCheck"/>. Without it a failover loads all memory
/// before the guest runs, so nothing here is more than a warning.
/// </remarks>
internal sealed partial class PostcopyCheck(HostFiles host, Distribution distribution, string setpriv) : IDoctorCheck
{
    private const string Subject = "postcopy";
    private const string Device = "/dev/userfaultfd";

    private static readonly string[] UsualUsers = ["libvirt-qemu", "qemu"]; // Debian and Ubuntu; Fedora and RHEL

    public IEnumerable<Finding> Run()
    {
        string settings = host.Read("/etc/libvirt/qemu.conf") ?? "";
        string user = UserSetting().Match(settings) is { Success: true } setting ? setting.Groups[1].Value.TrimStart('+') : UsualUser();
        if (user is "root" or "0" || host.Read("/proc/sys/vm/unprivileged_userfaultfd") == "1")
        {
            return [Finding.Ok(Subject, "QEMU may use userfaultfd without a device")];
        }

        if (AclSetting().Match(settings) is { Success: true } acl && !acl.Value.Contains($"\"{Device}\"", StringComparison.Ordinal))
        {
            return [Slow($"cgroup_device_acl in qemu.conf keeps {Device} from QEMU", $"add \"{Device}\" to cgroup_device_acl in /etc/libvirt/qemu.conf; systemctl restart {distribution.LibvirtService}")];
        }

        return [MayOpen(user) switch
        {
            true => Finding.Ok(Subject, $"{user} may open {Device}"),
            false => Slow($"{user} may not open {Device}", $"{distribution.ReinstallHikae} (it has the udev rule); udevadm trigger; restart the guests"),
            null => Finding.Warn(Subject, $"cannot tell whether {user} may open {Device}", "run hikae doctor as root; check the user in /etc/libvirt/qemu.conf"),
        }];
    }

    private static Finding Slow(string text, string remedy) =>
        Finding.Warn(Subject, $"{text}, so a failover loads all memory before the guest runs", remedy);

    private string UsualUser() => UsualUsers
        .FirstOrDefault(user => GroupOf(user) is not null) ?? UsualUsers[0];

    /// <summary>The number of the user's first group: the fourth field of passwd(5). Null when there is no such user.</summary>
    private string? GroupOf(string user) => (host.Read("/etc/passwd") ?? "")
        .Split('\n')
        .Select(line => line.Split(':'))
        .FirstOrDefault(fields => fields.Length > 3 && fields[0] == user)?[3];

    /// <summary>Asks the kernel, as that user with all its groups. Null: we cannot become that user.</summary>
    private bool? MayOpen(string user)
    {
        if (!Environment.IsPrivilegedProcess || GroupOf(user) is not string group)
        {
            return null;
        }

        try
        {
            using Process test = Process.Start(new ProcessStartInfo(
                setpriv,
                [$"--reuid={user}", $"--regid={group}", "--init-groups", "/usr/bin/test", "-r", host.PathOf(Device), "-a", "-w", host.PathOf(Device)])
            {
                RedirectStandardError = true,
            })!;
            string trouble = test.StandardError.ReadToEnd();
            test.WaitForExit();
            return trouble.Length > 0 ? null : test.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    [GeneratedRegex("""^\s*user\s*=\s*"([^"]+)"\s*$""", RegexOptions.Multiline)]
    private static partial Regex UserSetting();

    [GeneratedRegex(@"^\s*cgroup_device_acl\s*=\s*\[[^\]]*\]", RegexOptions.Multiline)]
    private static partial Regex AclSetting();
}
