// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Xml.Linq;
using Hikae.Native.Linux;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Disk.Graph;

/// <summary>Where a guest's UEFI firmware keeps its variables: a flash device of QEMU, with a file behind it that is written as they change.</summary>
/// <remarks>
/// The flash is guest memory, too (a RAM block of this name), so a checkpoint has all of it, and QEMU writes the whole file anew when a guest that came in by a stream is let go
/// (hw/block/pflash_cfi01.c, postload_update_cb). The file is held like a disk: two hosts must not write it, and what was held must fit what lies below. So both must have the same one,
/// while libvirt's default is a file on each host's own disk.
/// </remarks>
internal static class FirmwareStore
{
    /// <summary>What QEMU calls it on x86 machines (hw/i386/pc_sysfw.c), in the place of the alias that libvirt gives to disks only.</summary>
    public const string Alias = "system.flash1";

    /// <summary>The device in QEMU.</summary>
    public const string QomPath = $"/machine/{Alias}";

    private const string Name = "the UEFI variable store";

    /// <summary>As sentences about a disk begin, which may be this.</summary>
    /// <param name="alias">The device's.</param>
    /// <param name="target">The administrator's name of a disk.</param>
    public static string Call(string alias, string target) => alias == Alias ? Name : $"disk {target}";

    /// <summary>The store as a disk, if there is one.</summary>
    /// <param name="os">The element of the domain XML.</param>
    public static IEnumerable<DomainDisk> Read(XElement os)
    {
        XElement? loader = os.Element("loader");
        if (loader?.Attribute("type")?.Value == "pflash" && loader.Attribute("readonly")?.Value == "no")
        {
            yield return Describe("is in one file with the firmware itself (<loader readonly='no'>)", "raw", loader.Value.Trim());
        }
        foreach (XElement nvram in os.Elements("nvram"))
        {
            XElement? source = nvram.Element("source");
            string type = nvram.Attribute("type")?.Value ?? "file";
            string format = nvram.Attribute("format")?.Value ?? "raw";
            string file = source?.Attribute("file")?.Value ?? nvram.Value.Trim();
            string? refusal = type is not "file" ? $"is of type {type}, only files can be protected"
                : DomainDisks.FormatRefusal(format) ?? DomainDisks.SourceRefusal(source) ?? (file.Length == 0 ? "has no file" : null);
            yield return Describe(refusal, format, file);
        }
    }

    /// <summary>Throws <see cref="NotProtectableException"/> for a store that cannot be held, or that is not where both hosts have the same file, whatever is said about outputs.</summary>
    /// <param name="liveXml">The live domain XML of a guest that runs on this host.</param>
    /// <param name="sharedDirectory">A directory on storage that all hosts share; null: none is known, but the guest's disks are on such storage.</param>
    public static void Require(string liveXml, string? sharedDirectory)
    {
        IReadOnlyList<DomainDisk> all = DomainDisks.Read(LiveXml.Parse(liveXml));
        if (all.FirstOrDefault(disk => disk.IsFirmwareStore) is not { } store)
        {
            return;
        }
        if (store.Refusal is { } refusal)
        {
            throw new NotProtectableException($"{Name} {refusal}");
        }
        FileIdentity file = FileIdentity.Of(store.Source) ?? throw new NotProtectableException($"{Name} {store.Source} was deleted: shut the guest down and start it again");
        IEnumerable<string> shared = all.Where(disk => disk is { IsFirmwareStore: false, IsLeftAlone: false, IsBlockDevice: false, Source.Length: > 0 }).Select(disk => disk.Source);
        if (IsBeside(DomainDirectory.Root) || !shared.Concat(sharedDirectory is null ? [] : [sharedDirectory]).Any(IsBeside))
        {
            string where = sharedDirectory is null ? "to the storage of its disks" : $"to the storage of its disks or of {sharedDirectory}";
            throw new NotProtectableException($"{Name} {store.Source} is not on the shared storage: with the guest off, move it {where}, and name it in <nvram> (virsh edit)");
        }

        bool IsBeside(string path) => FileIdentity.Of(path)?.FileSystem == file.FileSystem;
    }

    private static DomainDisk Describe(string? refusal, string format, string file) => new("nvram", "?", Alias, false, refusal, format, file, false, null, new XElement("driver"));
}
