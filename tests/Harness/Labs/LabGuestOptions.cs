// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Harness.Labs;

/// <summary>How a guest is made; the members are the options of lab/guest.</summary>
public sealed record LabGuestOptions
{
    /// <summary>MiB. Small: the first checkpoint is the whole of it.</summary>
    public int MemoryMiB { get; init; } = 160;

    /// <summary>Number of virtual processors.</summary>
    public int Vcpus { get; init; } = 1;

    /// <summary>An interface on lan0. With it the guest can be listened to and commands run in it.</summary>
    public bool Nic { get; init; }

    /// <summary>An ext4 image on the shared storage, for instance 64M; null = none.</summary>
    public string? Disk { get; init; }

    /// <summary>Empty disks that the guest does not mount, each BUS,FORMAT,SIZE[,iothread] with virtio, scsi or sata and raw or qcow2.</summary>
    public IReadOnlyList<string> Data { get; init; } = [];

    /// <summary>The channel of hikae-guest.</summary>
    public bool Agent { get; init; }

    /// <summary>Boots by UEFI firmware, with its variable store on the host's own disk.</summary>
    public bool Uefi { get; init; }

    /// <summary>The backup in the annotation; null = no annotation.</summary>
    public string? Protect { get; init; }

    /// <summary>"unheld" or null; only with <see cref="Protect"/>.</summary>
    public string? Outputs { get; init; }

    /// <summary>The annotation's checkpoint interval in ms; only with <see cref="Protect"/>.</summary>
    public int? IntervalMs { get; init; }

    /// <summary>The annotation's priority; only with <see cref="Protect"/>.</summary>
    public int? Priority { get; init; }

    /// <summary>idle, counter, dirty, busy, blocks or ledger.</summary>
    public string App { get; init; } = "counter";

    /// <summary>For "dirty": REGION_KB,SIZE_KB,MS, and WORDS if only so many words of a page change at a time.</summary>
    public string? Dirty { get; init; }

    /// <summary>Words for the kernel's command line.</summary>
    public string? Append { get; init; }

    /// <summary>A whole Debian instead of the small guest.</summary>
    public bool Debian { get; init; }

    /// <summary>What a Debian guest has besides: postgresql or workloads; null = nothing.</summary>
    public string? With { get; init; }

    /// <summary>Changes the domain XML before it is used.</summary>
    public Func<string, string>? EditXml { get; init; }

    internal IEnumerable<string> Arguments()
    {
        yield return "--memory";
        yield return MemoryMiB.ToString(CultureInfo.InvariantCulture);
        yield return "--vcpus";
        yield return Vcpus.ToString(CultureInfo.InvariantCulture);
        yield return "--app";
        yield return App;
        if (Nic)
        {
            yield return "--nic";
        }

        if (Agent)
        {
            yield return "--agent";
        }

        if (Uefi)
        {
            yield return "--uefi";
        }

        foreach (string disk in Data)
        {
            yield return "--data";
            yield return disk;
        }

        (string Name, string? Value)[] rest =
        [
            ("--disk", Disk), ("--protect", Protect), ("--outputs", Outputs),
            ("--interval", IntervalMs?.ToString(CultureInfo.InvariantCulture)), ("--priority", Priority?.ToString(CultureInfo.InvariantCulture)), ("--dirty", Dirty), ("--append", Append), ("--with", With),
        ];
        foreach ((string name, string? value) in rest.Where(option => option.Value is not null))
        {
            yield return name;
            yield return value!;
        }
    }
}
