// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Labs;

/// <summary>How a lab is made.</summary>
public sealed record LabOptions
{
    /// <summary>hostA, hostB, and so on.</summary>
    public int Hosts { get; init; } = 2;

    /// <summary>False: the hosts' QEMUs may not open /dev/userfaultfd, as where the udev rule is missing.</summary>
    public bool Userfaultfd { get; init; } = true;

    /// <summary>Folder of the packages to install on hosts whose first process is systemd; null = hosts without systemd, and packages of the programs in artifacts/bin.</summary>
    public string? Packages { get; init; }

    /// <summary>True: the hosts have Cockpit, sshd, sudo and Ansible. Nothing of it runs.</summary>
    public bool Managed { get; init; }

    /// <summary>False: bare hosts; call <see cref="Lab.Install"/> later.</summary>
    public bool Install { get; init; } = true;

    /// <summary>Lines of hikae.conf that differ from the defaults, for instance ["link.detect_ms"] = "1500".</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();
}
