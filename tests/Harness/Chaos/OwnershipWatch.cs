// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Hikae.Harness.Labs;

namespace Hikae.Harness.Chaos;

/// <summary>Reads the guest's ownership records as anybody can who sees the shared storage: which host owned it, one after the other.</summary>
internal sealed class OwnershipWatch(LabGuest guest)
{
    private readonly string _folder = Path.Combine(guest.Lab.SharedFolder, "hikae", guest.Uuid);
    private readonly List<OwnerChange> _owners = [];
    private long _generation;

    /// <summary>The owners so far; two in a row are different.</summary>
    public IReadOnlyList<OwnerChange> Owners => _owners;

    /// <summary>Who owns it now; null before the first record.</summary>
    public string? Owner => _owners.Count > 0 ? _owners[^1].Host : null;

    /// <summary>Reads what is new. To be called more often than records are swept.</summary>
    public void Look()
    {
        if (!Directory.Exists(_folder))
        {
            return;
        }

        foreach (string name in new DirectoryInfo(_folder).EnumerateFileSystemInfos().Select(file => file.Name).Order(StringComparer.Ordinal))
        {
            if (long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out long generation)
                && generation > _generation
                && new FileInfo(Path.Combine(_folder, name)) is { LinkTarget: { } text } link)
            {
                _generation = generation;
                using JsonDocument record = JsonDocument.Parse(text.Split(' ', 3)[2]);
                string owner = record.RootElement.GetProperty("owner").GetString()!;
                if (owner != Owner)
                {
                    _owners.Add(new OwnerChange(owner, MonotonicMs(link.LastWriteTimeUtc)));
                }
            }
        }
    }

    private static long MonotonicMs(DateTime moment) =>
        (long)((Stopwatch.GetTimestamp() * 1000.0 / Stopwatch.Frequency) - (DateTime.UtcNow - moment).TotalMilliseconds);
}
