// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net;
using Hikae.Harness;
using Hikae.Protocol.Configuration;
using Xunit;

namespace Hikae.Protocol.Tests.Configuration;

public sealed class HikaeConfigurationTests
{
    private const string FileName = "hikae.conf";

    [Fact]
    public void An_empty_file_gives_the_documented_defaults()
    {
        HikaeConfiguration configuration = HikaeConfiguration.Parse("", FileName);

        Assert.NotEmpty(configuration.HostName);
        Assert.Equal(16520, configuration.Link.Port);
        Assert.Equal("::", configuration.Link.Listen);
        Assert.Equal(LinkSecurity.Required, configuration.Link.Tls);
        Assert.Equal(TimeSpan.FromMilliseconds(500), configuration.Link.DetectAfter);
        Assert.Equal(TimeSpan.FromMilliseconds(20), configuration.Checkpoint.MinInterval);
        Assert.Equal(TimeSpan.FromMilliseconds(1000), configuration.Checkpoint.MaxInterval);
        Assert.Equal(TimeSpan.FromMilliseconds(100), configuration.Checkpoint.Interval);
        Assert.Equal(256L << 20, configuration.Disk.BufferBytes);
        Assert.Equal(OnDiskPages.No, configuration.Soft.OnDisk);
        Assert.Equal(64L << 20, configuration.Soft.IndexBytes);
        Assert.Equal((MemoryAmount.Percent(50), MemoryAmount.Percent(90), 4), (configuration.Backup.Budget, configuration.Backup.Memory, configuration.Backup.Recoveries));
        Assert.Null(configuration.Arbiter.Directory);
        Assert.Null(configuration.Metrics.Listen);
        Assert.Equal(TimeSpan.FromMilliseconds(5000), configuration.Arbiter.Lease);
    }

    [Fact]
    public void Every_key_is_read_into_its_own_property()
    {
        const string Text = """
            ; a comment
            [host]
            name = hostA          ; a comment behind a value
            [link]
            port = 1
            listen = 192.0.2.1
            tls = plaintext-for-tests-only
            ca = /a/ca#1.pem
            certificate = /a/cert
            key = /a/key
            client_certificate = /a/client-cert
            client_key = /a/client-key
            detect_ms = 700
            [checkpoint]
            min_interval_ms=2
            max_interval_ms=4
            interval_ms=3
            # another comment
            [disk]
            buffer_mib = 16
            [soft]
            on_disk = yes
            index_mib = 8
            scan_mib_s = 0
            [backup]
            budget = 8 GiB
            memory = 75%
            recoveries = 2
            prefetch_mib_s = 40
            [arbiter]
            directory = /srv/shared/hikae
            lease_ms = 9000
            """;

        HikaeConfiguration configuration = HikaeConfiguration.Parse(Text, FileName);

        var expected = new HikaeConfiguration
        {
            HostName = "hostA",
            Link = new LinkConfiguration
            {
                Port = 1,
                Listen = "192.0.2.1",
                Tls = LinkSecurity.PlaintextForTestsOnly,
                CaFile = "/a/ca#1.pem",
                CertificateFile = "/a/cert",
                KeyFile = "/a/key",
                ClientCertificateFile = "/a/client-cert",
                ClientKeyFile = "/a/client-key",
                DetectAfter = TimeSpan.FromMilliseconds(700),
            },
            Checkpoint = new CheckpointConfiguration
            {
                MinInterval = TimeSpan.FromMilliseconds(2),
                MaxInterval = TimeSpan.FromMilliseconds(4),
                Interval = TimeSpan.FromMilliseconds(3),
            },
            Disk = new DiskConfiguration { BufferBytes = 16L << 20 },
            Soft = new SoftConfiguration { OnDisk = OnDiskPages.Yes, IndexBytes = 8L << 20, ScanBytesPerSecond = 0 },
            Backup = new BackupConfiguration { Budget = MemoryAmount.Bytes(8L << 30), Memory = MemoryAmount.Percent(75), Recoveries = 2, PrefetchBytesPerSecond = 40L << 20 },
            Arbiter = new ArbiterConfiguration { Directory = "/srv/shared/hikae", Lease = TimeSpan.FromMilliseconds(9000) },
        };
        Assert.Equal(expected, configuration);
    }

    [Fact]
    public void An_etcd_has_several_members()
    {
        ArbiterConfiguration arbiter = HikaeConfiguration.Parse(
            "[arbiter]\nkind = etcd\nendpoints = https://a:2379, https://[2001:db8::1]:2379,http://192.0.2.1:1\nprefix = /x/\nca = /ca\ncertificate = /c\nkey = /k", FileName).Arbiter;

        Assert.True(arbiter.IsConfigured);
        Assert.Equal(["https://a:2379/", "https://[2001:db8::1]:2379/", "http://192.0.2.1:1/"], arbiter.Endpoints.Select(endpoint => endpoint.ToString()));
        Assert.Equal(("/x/", "/ca", "/c", "/k"), (arbiter.Prefix, arbiter.CaFile, arbiter.CertificateFile, arbiter.KeyFile));
    }

    [Theory]
    [InlineData("127.0.0.1:16521", "127.0.0.1", 16521)]
    [InlineData("[::]:1", "::", 1)]
    public void Metrics_have_an_address_and_a_port(string value, string address, int port) =>
        Assert.Equal(new IPEndPoint(IPAddress.Parse(address), port), HikaeConfiguration.Parse($"[metrics]\nlisten = {value}", FileName).Metrics.Listen);

    [Theory]
    [InlineData("1%", 81)]
    [InlineData("100%", 8191)]
    [InlineData("512MiB", 512 << 20)]
    [InlineData("512 MiB", 512 << 20)]
    [InlineData("1 TiB", 1L << 40)]
    [InlineData("1024 TiB", 1L << 50)]
    public void Memory_is_a_share_or_a_size(string text, long bytes) => Assert.InRange(MemoryAmount.Parse(text)!.Value.Of(8191), bytes - 100, bytes);

    [Theory]
    [InlineData("[checkpoint]\nintervall_ms = 5", 2, "intervall_ms", "unknown key \"intervall_ms\" in [checkpoint]; the nearest valid key is \"interval_ms\"")]
    [InlineData("[host]\nport = 5", 2, "port", "the nearest valid key is \"port\" in [link]")]
    [InlineData("port = 5", 1, "port", "stands before any section")]
    [InlineData("\n[linke]", 2, "linke", "use [host], [link], [checkpoint], [disk], [soft], [backup], [arbiter]")]
    [InlineData("[link", 1, "", "is no section")]
    [InlineData("[link]\nport", 2, "", "neither \"key = value\"")]
    [InlineData("[backup]\nbudget = 0%", 2, "budget", "use a percentage from 1% to 100%")]
    [InlineData("[backup]\nbudget = 101%", 2, "budget", "use a percentage")]
    [InlineData("[backup]\nbudget = 5", 2, "budget", "use a percentage")]
    [InlineData("[backup]\nbudget = 1.5 GiB", 2, "budget", "use a percentage")]
    [InlineData("[backup]\nmemory = 1025 TiB", 2, "memory", "use a percentage")]
    [InlineData("[backup]\nrecoveries = 0", 2, "recoveries", "use a number from 1 to 256")]
    [InlineData("[link]\nport = 1\nport = 2", 3, "port", "first on line 2")]
    [InlineData("[link]\ntls = off", 2, "tls", "\"off\" is no value for \"tls\" in [link]; use required or plaintext-for-tests-only")]
    [InlineData("[link]\ntls = Required", 2, "tls", "use required")]
    [InlineData("[link]\nport = 0", 2, "port", "from 1 to 65535")]
    [InlineData("[link]\nport = 65536", 2, "port", "from 1 to 65535")]
    [InlineData("[link]\nport = -1", 2, "port", "from 1 to 65535")]
    [InlineData("[link]\nlisten = hostA", 2, "listen", "address")]
    [InlineData("[link]\nca = cacert.pem", 2, "ca", "absolute path")]
    [InlineData("[host]\nname = a/../b", 2, "name", "letters, digits")]
    [InlineData("[arbiter]\ndirectory =", 2, "directory", "absolute path")]
    [InlineData("[checkpoint]\nmin_interval_ms = 500\ninterval_ms = 100", 3, "interval_ms", "min_interval_ms (500) must not exceed interval_ms (100)")]
    [InlineData("[checkpoint]\nmax_interval_ms = 50", 2, "max_interval_ms", "must not exceed max_interval_ms (50)")]
    [InlineData("[disk]\nbuffer_mib = 15", 2, "buffer_mib", "from 16 to 65536")]
    [InlineData("[disk]\nbuffer_mib = 65537", 2, "buffer_mib", "from 16 to 65536")]
    [InlineData("[soft]\non_disk = maybe", 2, "on_disk", "use no, count or yes")]
    [InlineData("[backup]\nprefetch_mib_s = 0", 2, "prefetch_mib_s", "unlimited")]
    [InlineData("[soft]\nscan_mib_s = -1", 2, "scan_mib_s", "from 0 to 65536")]
    [InlineData("[soft]\nindex_mib = 0", 2, "index_mib", "from 1 to 65536")]
    [InlineData("[arbiter]\nkind = zookeeper", 2, "kind", "use directory or etcd")]
    [InlineData("[arbiter]\nkind = etcd", 2, "kind", "needs endpoints")]
    [InlineData("[arbiter]\nkind = etcd\nendpoints = etcd1:2379", 3, "endpoints", "use http://HOST:PORT")]
    [InlineData("[arbiter]\nkind = etcd\nendpoints = http://a:2379/v3", 3, "endpoints", "use http://HOST:PORT")]
    [InlineData("[arbiter]\nendpoints = http://a:2379", 2, "endpoints", "endpoints are for kind = etcd")]
    [InlineData("[arbiter]\nkind = etcd\nendpoints = http://a:2379\ndirectory = /srv/a", 4, "directory", "there is no directory")]
    [InlineData("[arbiter]\nkind = etcd\nendpoints = https://a:2379\nkey = /k", 4, "key", "set together")]
    [InlineData("[arbiter]\nprefix = hikae", 2, "prefix", "slash at both ends")]
    [InlineData("[fence]\ncommand = fence_ipmilan", 2, "command", "absolute path")]
    [InlineData("[fence]\noptions = ip", 2, "options", "words KEY=VALUE")]
    [InlineData("[metrics]\nlisten = 127.0.0.1", 2, "listen", "use ADDRESS:PORT")]
    [InlineData("[metrics]\nlisten = 16521", 2, "listen", "use ADDRESS:PORT")]
    [InlineData("[metrics]\nlisten = :16521", 2, "listen", "use ADDRESS:PORT")]
    [InlineData("[metrics]\nlisten = localhost:16521", 2, "listen", "use ADDRESS:PORT")]
    [InlineData("[metrics]\nlisten = 127.0.0.1:0", 2, "listen", "use ADDRESS:PORT")]
    [InlineData("[metrics]\nlisten = ::1", 2, "listen", "use ADDRESS:PORT")]
    [InlineData("[arbiter]\nlease_ms = 1000\n[link]\ndetect_ms = 1000", 4, "detect_ms", "must be more than")]
    public void An_error_names_file_line_key_and_what_would_be_right(string text, int line, string key, string sentence)
    {
        var error = Assert.Throws<ConfigurationException>(() => HikaeConfiguration.Parse(text, FileName));

        Assert.StartsWith($"hikae.conf:{line}: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(sentence, error.Message, StringComparison.Ordinal);
        Assert.Equal(line, error.Line);
        Assert.Equal(key, error.Key);
    }

    [Fact]
    public void A_file_over_the_limit_is_refused_before_it_is_read()
    {
        string text = new(';', ConfigurationReader.MaxTextLength + 1);

        Assert.Throws<ConfigurationException>(() => HikaeConfiguration.Parse(text, FileName));
    }

    [Fact]
    public void Every_key_and_its_section_are_in_the_man_page()
    {
        string page = Repository.Read("docs", "man", "hikae.conf.5").Replace("\\-", "-", StringComparison.Ordinal);

        Assert.All(ConfigurationKeys.All, key =>
        {
            int section = page.IndexOf($"SECTION [{key.Section}]", StringComparison.Ordinal);
            Assert.True(section >= 0, $"hikae.conf.5 has no section [{key.Section}]");
            int end = page.IndexOf(".SH ", section, StringComparison.Ordinal);
            Assert.Contains($".TP\n.B {key.Name}\n", page[section..end], StringComparison.Ordinal);
        });
    }

    [Fact]
    public void The_file_that_packages_install_shows_every_key_and_sets_none()
    {
        string text = Repository.Read("packaging", "hikae.conf");

        Assert.Equal(new HikaeConfiguration(), HikaeConfiguration.Parse(text, FileName));
        Assert.All(ConfigurationKeys.All, key =>
        {
            string section = text[text.IndexOf($"\n[{key.Section}]\n", StringComparison.Ordinal)..];
            int next = section.IndexOf("\n[", 1, StringComparison.Ordinal);
            Assert.Contains($"\n#{key.Name} = ", next < 0 ? section : section[..next], StringComparison.Ordinal);
        });
    }

    [Fact]
    public void What_that_file_shows_are_the_defaults()
    {
        // Values in parentheses are words for people.
        IEnumerable<string> lines = Repository.Read("packaging", "hikae.conf").Split('\n')
            .Select(line => line.StartsWith('#') && line.Contains(" = ", StringComparison.Ordinal) && !line.Contains(" = (", StringComparison.Ordinal) ? line[1..] : line);

        Assert.Equal(new HikaeConfiguration(), HikaeConfiguration.Parse(string.Join('\n', lines), FileName));
    }

    [Theory]
    [InlineData("", "", 0)]
    [InlineData("port", "port", 0)]
    [InlineData("prt", "port", 1)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("", "abc", 3)]
    public void Edit_distance_counts_letters(string from, string to, int distance) =>
        Assert.Equal(distance, EditDistance.Between(from, to));
}
