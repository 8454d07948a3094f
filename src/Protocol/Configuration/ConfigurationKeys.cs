// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Net;

namespace Hikae.Protocol.Configuration;

/// <summary>Every key of hikae.conf. docs/man/hikae.conf.5 describes each of them; a test compares.</summary>
internal static class ConfigurationKeys
{
    private const int MaxPathLength = 4095; // Linux PATH_MAX without its NUL
    private const int MaxPrefixLength = 255;
    private const string Amounts = "a percentage from 1% to 100% of the host's memory, or a size such as 512 MiB, 8 GiB or 1 TiB";
    private const int MaxEndpoints = 9; // etcd clusters have 3, 5 or 7 members

    internal static IReadOnlyList<ConfigurationKey> All { get; } =
    [
        new("host", "name", "1 to 253 letters, digits, dots, hyphens and underscores",
            (c, v) => HostAddress.IsName(v) ? c with { HostName = v } : null),
        new("host", "title", "yes or no",
            (c, v) => v is "yes" or "no" ? c with { ShowInTitle = v == "yes" } : null),

        new("link", "port", "a number from 1 to 65535",
            (c, v) => Number(v, 1, 65535) is int port ? c with { Link = c.Link with { Port = port } } : null),
        new("link", "listen", "an IPv4 or IPv6 address of this host, or :: for all of them",
            (c, v) => IPAddress.TryParse(v, out _) ? c with { Link = c.Link with { Listen = v } } : null),
        new("link", "tls", "required or plaintext-for-tests-only",
            (c, v) => Security(v) is LinkSecurity tls ? c with { Link = c.Link with { Tls = tls } } : null),
        new("link", "ca", "an absolute path",
            (c, v) => IsPath(v) ? c with { Link = c.Link with { CaFile = v } } : null),
        new("link", "certificate", "an absolute path",
            (c, v) => IsPath(v) ? c with { Link = c.Link with { CertificateFile = v } } : null),
        new("link", "key", "an absolute path",
            (c, v) => IsPath(v) ? c with { Link = c.Link with { KeyFile = v } } : null),
        new("link", "client_certificate", "an absolute path",
            (c, v) => IsPath(v) ? c with { Link = c.Link with { ClientCertificateFile = v } } : null),
        new("link", "client_key", "an absolute path",
            (c, v) => IsPath(v) ? c with { Link = c.Link with { ClientKeyFile = v } } : null),
        new("link", "detect_ms", "a number of milliseconds from 50 to 60000",
            (c, v) => Milliseconds(v, 50, 60_000) is TimeSpan t ? c with { Link = c.Link with { DetectAfter = t } } : null),

        new("checkpoint", "min_interval_ms", "a number of milliseconds from 1 to 60000",
            (c, v) => Milliseconds(v, 1, 60_000) is TimeSpan t ? c with { Checkpoint = c.Checkpoint with { MinInterval = t } } : null),
        new("checkpoint", "max_interval_ms", "a number of milliseconds from 1 to 60000",
            (c, v) => Milliseconds(v, 1, 60_000) is TimeSpan t ? c with { Checkpoint = c.Checkpoint with { MaxInterval = t } } : null),
        new("checkpoint", "interval_ms", "a number of milliseconds from 1 to 60000",
            (c, v) => Milliseconds(v, 1, 60_000) is TimeSpan t ? c with { Checkpoint = c.Checkpoint with { Interval = t } } : null),

        new("disk", "buffer_mib", "a number of MiB from 16 to 65536",
            (c, v) => Number(v, 16, 65_536) is int mib ? c with { Disk = c.Disk with { BufferBytes = (long)mib << 20 } } : null),

        new("soft", "on_disk", "no, count or yes",
            (c, v) => OnDisk(v) is OnDiskPages pages ? c with { Soft = c.Soft with { OnDisk = pages } } : null),
        new("soft", "index_mib", "a number of MiB from 1 to 65536",
            (c, v) => Number(v, 1, 65_536) is int mib ? c with { Soft = c.Soft with { IndexBytes = (long)mib << 20 } } : null),
        new("soft", "scan_mib_s", "a number of MiB from 0 to 65536",
            (c, v) => Number(v, 0, 65_536) is int mib ? c with { Soft = c.Soft with { ScanBytesPerSecond = (long)mib << 20 } } : null),

        new("backup", "budget", Amounts,
            (c, v) => MemoryAmount.Parse(v) is MemoryAmount amount ? c with { Backup = c.Backup with { Budget = amount } } : null),
        new("backup", "memory", Amounts,
            (c, v) => MemoryAmount.Parse(v) is MemoryAmount amount ? c with { Backup = c.Backup with { Memory = amount } } : null),
        new("backup", "recoveries", "a number from 1 to 256",
            (c, v) => Number(v, 1, 256) is int most ? c with { Backup = c.Backup with { Recoveries = most } } : null),
        new("backup", "prefetch_mib_s", "unlimited, or a number of MiB from 1 to 65536",
            (c, v) => v is "unlimited" ? c with { Backup = c.Backup with { PrefetchBytesPerSecond = null } }
                : Number(v, 1, 65_536) is int mib ? c with { Backup = c.Backup with { PrefetchBytesPerSecond = (long)mib << 20 } } : null),

        new("arbiter", "kind", "directory or etcd",
            (c, v) => Kind(v) is ArbiterKind kind ? c with { Arbiter = c.Arbiter with { Kind = kind } } : null),
        new("arbiter", "directory", "an absolute path on storage that all hosts share",
            (c, v) => IsPath(v) ? c with { Arbiter = c.Arbiter with { Directory = v } } : null),
        new("arbiter", "endpoints", "http://HOST:PORT or https://HOST:PORT, several with commas between them",
            (c, v) => Endpoints(v) is Uri[] all ? c with { Arbiter = c.Arbiter with { Endpoints = all } } : null),
        new("arbiter", "prefix", "letters, digits, dots, hyphens, underscores and slashes, with a slash at both ends",
            (c, v) => IsPrefix(v) ? c with { Arbiter = c.Arbiter with { Prefix = v } } : null),
        new("arbiter", "ca", "an absolute path",
            (c, v) => IsPath(v) ? c with { Arbiter = c.Arbiter with { CaFile = v } } : null),
        new("arbiter", "certificate", "an absolute path",
            (c, v) => IsPath(v) ? c with { Arbiter = c.Arbiter with { CertificateFile = v } } : null),
        new("arbiter", "key", "an absolute path",
            (c, v) => IsPath(v) ? c with { Arbiter = c.Arbiter with { KeyFile = v } } : null),
        new("arbiter", "lease_ms", "a number of milliseconds from 1000 to 600000",
            (c, v) => Milliseconds(v, 1000, 600_000) is TimeSpan t ? c with { Arbiter = c.Arbiter with { Lease = t } } : null),

        new("fence", "command", "an absolute path",
            (c, v) => IsPath(v) ? c with { Fence = c.Fence with { Command = v } } : null),
        new("fence", "options", "words KEY=VALUE with spaces between them",
            (c, v) => Options(v) is string[] all ? c with { Fence = c.Fence with { Options = all } } : null),
        new("fence", "timeout_ms", "a number of milliseconds from 1000 to 600000",
            (c, v) => Milliseconds(v, 1000, 600_000) is TimeSpan t ? c with { Fence = c.Fence with { Timeout = t } } : null),

        new("metrics", "listen", "ADDRESS:PORT, an IPv4 address of this host or an IPv6 address in brackets, for instance 127.0.0.1:16521",
            (c, v) => EndPoint(v) is IPEndPoint point ? c with { Metrics = c.Metrics with { Listen = point } } : null),
    ];

    private static int? Number(string value, int least, int most) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most
            ? number
            : null;

    private static TimeSpan? Milliseconds(string value, int least, int most) =>
        Number(value, least, most) is int number ? TimeSpan.FromMilliseconds(number) : null;

    private static bool IsPath(string value) => value.Length is > 1 and <= MaxPathLength && value[0] == '/';

    private static IPEndPoint? EndPoint(string value) =>
        HostAddress.TryParse(value, out HostAddress? address) && address.Port is int port && IPAddress.TryParse(address.Host, out IPAddress? ip)
            ? new IPEndPoint(ip, port)
            : null;

    private static OnDiskPages? OnDisk(string value) => value switch
    {
        "no" => OnDiskPages.No,
        "count" => OnDiskPages.Count,
        "yes" => OnDiskPages.Yes,
        _ => null,
    };

    private static ArbiterKind? Kind(string value) => value switch
    {
        "directory" => ArbiterKind.Directory,
        "etcd" => ArbiterKind.Etcd,
        _ => null,
    };

    private static Uri[]? Endpoints(string value)
    {
        var all = new List<Uri>();
        foreach (string word in value.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!Uri.TryCreate(word, UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("http" or "https") || uri.PathAndQuery != "/" || uri.UserInfo.Length > 0)
            {
                return null;
            }
            all.Add(uri);
        }
        return all.Count is >= 1 and <= MaxEndpoints ? [.. all] : null;
    }

    private static string[]? Options(string value)
    {
        string[] all = value.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return all.Length > 0 && all.All(word => word.IndexOf('=', StringComparison.Ordinal) > 0 && !word.Any(char.IsControl)) ? all : null;
    }

    private static bool IsPrefix(string value) =>
        value.Length is >= 1 and <= MaxPrefixLength
        && value[0] == '/' && value[^1] == '/'
        && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '/');

    private static LinkSecurity? Security(string value) => value switch
    {
        "required" => LinkSecurity.Required,
        "plaintext-for-tests-only" => LinkSecurity.PlaintextForTestsOnly,
        _ => null,
    };
}
