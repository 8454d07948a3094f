// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Tools.Doctor;

/// <summary>What the host's distribution calls the things that doctor tells people to install, and how they do it there.</summary>
internal sealed record Distribution
{
    private const string QemuNetworkStorage = "virtqemud.socket virtnetworkd.socket virtstoraged.socket";

    // Words of os-release's ID and ID_LIKE. Derivatives name their parents there, the nearest first.
    private static readonly Dictionary<string, Distribution> ByIdentifier = new(StringComparer.Ordinal)
    {
        ["debian"] = Deb with { Enough = "Debian 13 or later", Kernel = "use Debian 13 or later, or on Debian 12 a kernel from backports: apt install -t bookworm-backports linux-image-amd64" },
        ["ubuntu"] = Deb with { Enough = "Ubuntu 24.04 or later", Kernel = "use Ubuntu 24.04 or later", OpenPort = "ufw allow {0}/tcp" },
        ["fedora"] = Rpm with { Enough = "Fedora 40 or later", Kernel = "use Fedora 40 or later: dnf upgrade kernel; reboot" },
        ["rhel"] = Rpm with { Enough = "RHEL 10 or later", Kernel = "use RHEL 10 or later: dnf upgrade kernel; reboot" },
    };

    /// <summary>The oldest release that has all Hikae needs.</summary>
    internal required string Enough { get; init; }

    /// <summary>How to get a newer kernel.</summary>
    internal required string Kernel { get; init; }

    /// <summary>How to get libvirt and its command line, and to start it.</summary>
    internal required string Libvirt { get; init; }

    /// <summary>The service that runs QEMU guests, which also runs their hooks.</summary>
    internal required string LibvirtService { get; init; }

    /// <summary>How to get QEMU.</summary>
    internal required string Qemu { get; init; }

    /// <summary>Puts packages with libraries there.</summary>
    internal required string Install { get; init; }

    /// <summary>Puts this package's files there again.</summary>
    internal required string ReinstallHikae { get; init; }

    /// <summary>Has libvirt.so.0 and libvirt-qemu.so.0.</summary>
    internal required string LibvirtLibraries { get; init; }

    /// <summary>Has libssl.so.3.</summary>
    internal required string OpenSslLibraries { get; init; }

    /// <summary>Has what mounts NFS.</summary>
    internal required string NfsClient { get; init; }

    /// <summary>Has certtool, with which libvirt's manual makes certificates.</summary>
    internal required string CertificateTool { get; init; }

    /// <summary>Lets others reach a TCP port: {0}. Where no firewall is usual, a hint.</summary>
    internal required string OpenPort { get; init; }

    /// <summary>Names of Debian's packages; Ubuntu has the same ones.</summary>
    private static Distribution Deb => new()
    {
        Enough = "",
        Kernel = "",
        Libvirt = "apt install libvirt-daemon-system libvirt-clients; systemctl enable --now libvirtd",
        LibvirtService = "libvirtd",
        Qemu = "apt install qemu-system-x86",
        Install = "apt install",
        ReinstallHikae = "apt install --reinstall hikae",
        LibvirtLibraries = "libvirt0",
        OpenSslLibraries = "libssl3t64",
        NfsClient = "apt install nfs-common",
        CertificateTool = "gnutls-bin",
        OpenPort = "nft add rule inet filter input tcp dport {0} accept",
    };

    /// <summary>Names of Fedora's packages; RHEL and its rebuilds have the same ones.</summary>
    private static Distribution Rpm => new()
    {
        Enough = "",
        Kernel = "",
        Libvirt = $"dnf install libvirt-daemon-kvm libvirt-client; systemctl enable --now {QemuNetworkStorage}",
        LibvirtService = "virtqemud",
        Qemu = "dnf install qemu-kvm",
        Install = "dnf install",
        ReinstallHikae = "dnf reinstall hikae",
        LibvirtLibraries = "libvirt-libs",
        OpenSslLibraries = "openssl-libs",
        NfsClient = "dnf install nfs-utils",
        CertificateTool = "gnutls-utils",
        OpenPort = "firewall-cmd --permanent --add-port={0}/tcp; firewall-cmd --reload",
    };

    /// <summary>For others there are only names that people recognise.</summary>
    private static Distribution Unknown => new()
    {
        Enough = "a release with Linux 6.7, QEMU 8.1 and libvirt 8.2, each or later",
        Kernel = "install Linux 6.7 or later",
        Libvirt = "install libvirt's QEMU driver and virsh, and start libvirtd or virtqemud",
        LibvirtService = "libvirtd",
        Qemu = "install QEMU for x86_64",
        Install = "install",
        ReinstallHikae = "install the package hikae again",
        LibvirtLibraries = "libvirt's client libraries",
        OpenSslLibraries = "OpenSSL 3",
        NfsClient = "install the NFS client",
        CertificateTool = "GnuTLS",
        OpenPort = "let TCP port {0} in",
    };

    /// <summary>By os-release(5) of the host: /etc/os-release, else /usr/lib/os-release.</summary>
    internal static Distribution Of(HostFiles host)
    {
        string release = host.Read("/etc/os-release") ?? host.Read("/usr/lib/os-release") ?? "";
        return Words(release, "ID").Concat(Words(release, "ID_LIKE"))
            .Select(word => ByIdentifier.GetValueOrDefault(word))
            .FirstOrDefault(known => known is not null) ?? Unknown;
    }

    private static string[] Words(string release, string key) => release
        .Split('\n')
        .FirstOrDefault(line => line.StartsWith(key + "=", StringComparison.Ordinal))?[(key.Length + 1)..]
        .Trim().Trim('"', '\'')
        .Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
}
