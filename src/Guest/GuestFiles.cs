// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Guest;

/// <summary>Where the agent looks in the guest. A test gives another root.</summary>
/// <param name="Root">"/" on a real guest.</param>
internal sealed record GuestFiles(string Root = "/")
{
    internal string PageFlags => At("proc/kpageflags");

    internal string Iomem => At("proc/iomem");

    internal string CommandLine => At("proc/cmdline");

    internal string KernelSymbols => At("proc/kallsyms");

    internal string CompressedConfig => At("proc/config.gz");

    internal string PortLinks => At("dev/virtio-ports");

    internal string PortClass => At("sys/class/virtio-ports");

    internal string Devices => At("dev");

    /// <summary>What the guest's administrator wants run after a failover, if anything.</summary>
    internal string FailedOverProgram => At("etc/hikae-guest/failed-over");

    /// <summary>As uname -r says it.</summary>
    internal string KernelRelease => TryReadText(At("proc/sys/kernel/osrelease")).Trim();

    /// <summary>Where distributions put the kernel's configuration.</summary>
    internal IEnumerable<string> Configs()
    {
        string release = KernelRelease;
        yield return At("boot/config-" + release);
        yield return At("lib/modules/" + release + "/config");
        yield return At("usr/lib/modules/" + release + "/config");
    }

    /// <summary>The file's text; empty if it cannot be read.</summary>
    internal static string TryReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return string.Empty;
        }
    }

    private string At(string path) => Path.Combine(Root, path);
}
