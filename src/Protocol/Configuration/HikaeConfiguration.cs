// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net;

namespace Hikae.Protocol.Configuration;

/// <summary>
/// Everything hikae.conf can say, with the defaults of what it does not say. Daemon, sidecar and command line
/// read the same file with the same rules; it never changes while a process runs.
/// </summary>
public sealed record HikaeConfiguration
{
    /// <summary>Where the file is on a host. A missing file means <see cref="Parse"/> of an empty text.</summary>
    public const string DefaultPath = "/etc/hikae/hikae.conf";

    /// <summary>[host] name: what this host is called in claims, in status and in log lines. Default: the kernel's host name.</summary>
    public string HostName { get; init; } = Dns.GetHostName();

    /// <summary>[host] title: whether a protected guest's title tells how it is protected. Default: no, as the title is the administrator's.</summary>
    public bool ShowInTitle { get; init; }

    /// <summary>Section [link].</summary>
    public LinkConfiguration Link { get; init; } = new();

    /// <summary>Section [checkpoint].</summary>
    public CheckpointConfiguration Checkpoint { get; init; } = new();

    /// <summary>Section [disk].</summary>
    public DiskConfiguration Disk { get; init; } = new();

    /// <summary>Section [soft].</summary>
    public SoftConfiguration Soft { get; init; } = new();

    /// <summary>Section [backup].</summary>
    public BackupConfiguration Backup { get; init; } = new();

    /// <summary>Section [arbiter].</summary>
    public ArbiterConfiguration Arbiter { get; init; } = new();

    /// <summary>Section [fence].</summary>
    public FenceConfiguration Fence { get; init; } = new();

    /// <summary>Section [metrics].</summary>
    public MetricsConfiguration Metrics { get; init; } = new();

    /// <summary>Reads the whole file.</summary>
    /// <param name="text">The file's content.</param>
    /// <param name="fileName">Its name, for messages.</param>
    /// <exception cref="ConfigurationException">Names file, line, key, the nearest valid key and the allowed values.</exception>
    public static HikaeConfiguration Parse(string text, string fileName) => new ConfigurationReader(fileName).Read(text);
}
