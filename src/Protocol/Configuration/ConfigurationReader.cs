// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Protocol.Configuration;

/// <summary>Reads hikae.conf line by line.</summary>
/// <remarks>
/// Our own, because Microsoft.Extensions.Configuration.Ini forgets line numbers and silently accepts keys nobody knows;
/// a misspelt "intervall_ms" must stop the daemon with the line to mend, not run with the default.
/// A comment starts with ';' or '#' at the start of a line or after white space.
/// </remarks>
internal sealed class ConfigurationReader(string fileName)
{
    /// <summary>A file longer than this is no configuration of ours.</summary>
    internal const int MaxTextLength = 1 << 20;

    private readonly Dictionary<ConfigurationKey, int> _lineOf = [];
    private string? _section;
    private int _line;

    internal HikaeConfiguration Read(string text)
    {
        if (text.Length > MaxTextLength)
        {
            throw new ConfigurationException(fileName, 1, "", string.Create(
                CultureInfo.InvariantCulture, $"the file has {text.Length} characters, more than the {MaxTextLength} allowed"));
        }

        var configuration = new HikaeConfiguration();
        foreach (ReadOnlySpan<char> raw in text.AsSpan().EnumerateLines())
        {
            _line++;
            ReadOnlySpan<char> line = WithoutComment(raw).Trim();
            if (line.IsEmpty)
            {
                continue;
            }

            configuration = line[0] == '['
                ? EnterSection(line, configuration)
                : SetKey(line, configuration);
        }

        CheckOrder(configuration);
        return configuration;
    }

    private static ReadOnlySpan<char> WithoutComment(ReadOnlySpan<char> line)
    {
        for (int i = 0; i < line.Length; i++)
        {
            if (line[i] is ';' or '#' && (i == 0 || char.IsWhiteSpace(line[i - 1])))
            {
                return line[..i];
            }
        }

        return line;
    }

    private HikaeConfiguration EnterSection(ReadOnlySpan<char> line, HikaeConfiguration configuration)
    {
        string name = line[^1] == ']' ? line[1..^1].Trim().ToString() : "";
        IEnumerable<string> sections = ConfigurationKeys.All.Select(key => key.Section).Distinct();
        if (!sections.Contains(name))
        {
            throw Wrong(name, $"{line} is no section of this file; use {string.Join(", ", sections.Select(s => $"[{s}]"))}");
        }

        _section = name;
        return configuration;
    }

    private HikaeConfiguration SetKey(ReadOnlySpan<char> line, HikaeConfiguration configuration)
    {
        int equals = line.IndexOf('=');
        if (equals <= 0)
        {
            throw Wrong("", $"\"{line}\" is neither \"key = value\" nor \"[section]\"");
        }

        string name = line[..equals].TrimEnd().ToString();
        string value = line[(equals + 1)..].TrimStart().ToString();
        if (_section is null)
        {
            throw Wrong(name, $"\"{name}\" stands before any section; {Nearest(name)}");
        }

        ConfigurationKey? key = ConfigurationKeys.All.FirstOrDefault(k => k.Section == _section && k.Name == name);
        if (key is null)
        {
            throw Wrong(name, $"unknown key \"{name}\" in [{_section}]; {Nearest(name)}");
        }

        if (!_lineOf.TryAdd(key, _line))
        {
            throw Wrong(name, $"\"{name}\" in [{_section}] is set a second time, first on line {_lineOf[key]}");
        }

        return key.Apply(configuration, value)
            ?? throw Wrong(name, $"\"{value}\" is no value for \"{name}\" in [{_section}]; use {key.Allowed}");
    }

    private string Nearest(string name)
    {
        ConfigurationKey nearest = ConfigurationKeys.All
            .OrderBy(key => EditDistance.Between(name, key.Name) + (key.Section == _section ? 0 : 1))
            .First();
        return $"the nearest valid key is \"{nearest.Name}\" in [{nearest.Section}], which takes {nearest.Allowed}";
    }

    private void CheckOrder(HikaeConfiguration configuration)
    {
        CheckpointConfiguration pace = configuration.Checkpoint;
        if (pace.MinInterval > pace.Interval || pace.Interval > pace.MaxInterval)
        {
            throw WrongTogether(
                "checkpoint",
                ["min_interval_ms", "interval_ms", "max_interval_ms"],
                $"min_interval_ms ({pace.MinInterval.TotalMilliseconds}) must not exceed interval_ms ({pace.Interval.TotalMilliseconds}), "
                + $"and that must not exceed max_interval_ms ({pace.MaxInterval.TotalMilliseconds})");
        }

        CheckArbiter(configuration.Arbiter);

        // A lease that ends before silence is noticed would pause the guest at every hiccup of the network.
        if (configuration.Arbiter.Lease <= configuration.Link.DetectAfter)
        {
            throw WrongTogether(
                null,
                ["detect_ms", "lease_ms"],
                $"lease_ms in [arbiter] ({configuration.Arbiter.Lease.TotalMilliseconds}) must be more than "
                + $"detect_ms in [link] ({configuration.Link.DetectAfter.TotalMilliseconds})");
        }
    }

    private void CheckArbiter(ArbiterConfiguration arbiter)
    {
        if (arbiter is { Kind: ArbiterKind.Etcd, Endpoints.Count: 0 })
        {
            throw WrongTogether("arbiter", ["kind"], "kind = etcd needs endpoints");
        }

        if (arbiter is { Kind: ArbiterKind.Etcd, Directory: not null })
        {
            throw WrongTogether("arbiter", ["kind", "directory"], "with kind = etcd there is no directory: all hosts must ask the same arbiter");
        }

        if (arbiter is { Kind: ArbiterKind.Directory, Endpoints.Count: > 0 })
        {
            throw WrongTogether("arbiter", ["kind", "endpoints"], "endpoints are for kind = etcd");
        }

        if (arbiter.CertificateFile is null != arbiter.KeyFile is null)
        {
            throw WrongTogether("arbiter", ["certificate", "key"], "certificate and key are set together or not at all");
        }
    }

    private ConfigurationException Wrong(string key, string problem) => new(fileName, _line, key, problem);

    /// <summary>The line at fault is the last one that set any of the keys: before it, all was well.</summary>
    private ConfigurationException WrongTogether(string? section, string[] names, string problem)
    {
        (ConfigurationKey key, int line) = _lineOf
            .Where(set => (section is null || set.Key.Section == section) && names.Contains(set.Key.Name))
            .MaxBy(set => set.Value);
        return new ConfigurationException(fileName, line, key.Name, problem);
    }
}
