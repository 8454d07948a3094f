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
                : format is not ("raw" or "qcow2") ? $"has format {format}, only raw and qcow2 can be protected"
                : source?.Elements().FirstOrDefault(element => !DomainDisks.HarmlessSource.Contains(element.Name.LocalName)) is { } element ? $"has <{element.Name.LocalName}> in its source, which is not supported"
                : file.Length == 0 ? "has no file"
                : null;
            yield return Describe(refusal, format, file);
        }
    }

    /// <summary>
    /// Throws <see cref="NotProtectableException"/> when the store is not where both hosts have the same file. Asked where the guest runs before its disks are interposed; not where it is taken over.
    /// </summary>
    /// <param name="disks">All disks of the guest that it can write.</param>
    /// <param name="sharedDirectory">Another one on storage that all hosts share; null: none is known.</param>
    public static void RequireShared(IReadOnlyList<GuestDisk> disks, string? sharedDirectory)
    {
        if (disks.FirstOrDefault(disk => disk.IsFirmwareStore) is not { } store)
        {
            return;
        }
        ulong own = FileSystem.Of(store.ImagePath);
        IEnumerable<string> shared = disks.Where(disk => disk is { IsFirmwareStore: false, IsBlockDevice: false }).Select(disk => disk.ImagePath);
        if (!shared.Concat(sharedDirectory is null ? [] : [sharedDirectory]).Any(path => FileSystem.Of(path) == own))
        {
            throw new NotProtectableException(
                $"{Name} {store.ImagePath} is not on the shared storage: with the guest off, move it beside the guest's disks and name it in <nvram> (virsh edit)");
        }
    }

    private static DomainDisk Describe(string? refusal, string format, string file) => new("nvram", Alias, false, refusal, format, file, false, null, new XElement("driver"));
}
