// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Tools.Doctor;

/// <summary>libvirt finds our hook, may run it, and looked for hooks after it was installed.</summary>
internal sealed class HookCheck(HostFiles host, Distribution distribution) : IDoctorCheck
{
    private const string Subject = "hook";
    private const string HookPath = "/etc/libvirt/hooks/qemu.d/hikae";

    public IEnumerable<Finding> Run()
    {
        var link = new FileInfo(host.PathOf(HookPath));
        FileSystemInfo program = link.LinkTarget is null ? link : link.ResolveLinkTarget(returnFinalTarget: true)!;
        if (!program.Exists)
        {
            return [Finding.Fail(Subject, link.LinkTarget is null ? $"{HookPath} is missing" : $"{HookPath} leads nowhere", distribution.ReinstallHikae)];
        }

        if ((program.UnixFileMode & UnixFileMode.UserExecute) == 0)
        {
            return [Finding.Fail(Subject, $"{program.FullName} is not executable, so libvirt starts no guest at all", $"chmod 755 {program.FullName}")];
        }

        return [InUse(link), .. Confinement(program.FullName)];
    }

    /// <summary>libvirt looks for hooks when it starts and at SIGHUP. A SIGHUP leaves no trace, so this is never more than a warning.</summary>
    private Finding InUse(FileInfo link)
    {
        if (DaemonStart() is not DateTime start)
        {
            return Finding.Ok(Subject, "installed; libvirt is not running");
        }

        return link.LastWriteTimeUtc > start
            ? Finding.Warn(Subject, "installed after libvirt was started, and not used unless libvirt was reloaded since", $"systemctl reload {distribution.LibvirtService} (guests keep running)")
            : Finding.Ok(Subject, "installed and in use");
    }

    /// <summary>
    /// Debian's profile of libvirtd lets it run programs of the standard folders only. A hook that cannot be run fails, and
    /// then libvirt starts no guest, protected or not.
    /// </summary>
    private IEnumerable<Finding> Confinement(string program)
    {
        const string Profile = "/etc/apparmor.d/local/usr.sbin.libvirtd";
        string profiles = host.Read("/sys/kernel/security/apparmor/profiles") ?? "";
        bool isConfined = profiles.Split('\n').Any(line => line is "libvirtd (enforce)" or "virtqemud (enforce)");
        bool isFree = ((string[])["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/lib/libvirt"])
            .Any(folder => Path.GetDirectoryName(program) == host.PathOf(folder));
        if (isConfined && !isFree && !(host.Read(Profile) ?? "").Contains(Path.GetFileName(program), StringComparison.Ordinal))
        {
            yield return Finding.Fail(
                "AppArmor",
                $"libvirt's profile does not let it run {program}, and then it starts no guest at all",
                $"put the line \"{program} PUx,\" into {Profile} and run: apparmor_parser -r /etc/apparmor.d/usr.sbin.libvirtd");
        }
    }

    private DateTime? DaemonStart()
    {
        foreach (string process in Directory.Exists(host.PathOf("/proc")) ? Directory.GetDirectories(host.PathOf("/proc")) : [])
        {
            string folder = "/proc/" + Path.GetFileName(process);
            if (char.IsAsciiDigit(Path.GetFileName(process)[0]) && host.Read(folder + "/comm") is "libvirtd" or "virtqemud")
            {
                return StartOf(host.Read(folder + "/stat"), host.Read("/proc/stat"));
            }
        }

        return null;
    }

    /// <summary>Start in clock ticks after boot (field 22 of /proc/PID/stat), boot in seconds since 1970 (btime of /proc/stat): see proc(5).</summary>
    private static DateTime? StartOf(string? process, string? system)
    {
        const double TicksPerSecond = 100; // USER_HZ, the same on every Linux we run on
        const int StartTime = 22 - 3; // counted after "pid (comm) "
        string? boot = system?.Split('\n').FirstOrDefault(line => line.StartsWith("btime ", StringComparison.Ordinal))?[6..];
        string[]? fields = process?[(process.LastIndexOf(')') + 2)..].Split(' ');
        return boot is not null && fields?.Length > StartTime
            ? DateTime.UnixEpoch
                .AddSeconds(long.Parse(boot, CultureInfo.InvariantCulture))
                .AddSeconds(long.Parse(fields[StartTime], CultureInfo.InvariantCulture) / TicksPerSecond)
            : null;
    }
}
