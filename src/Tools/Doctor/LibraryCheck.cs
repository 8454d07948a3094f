// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Tools.Doctor;

/// <summary>Shared libraries our programs open at run time.</summary>
internal sealed class LibraryCheck(HostFiles host) : IDoctorCheck
{
    private static readonly string[] Folders =
        ["/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib"];

    private static readonly (string Library, string Package)[] Needed =
    [
        ("libvirt.so.0", "libvirt0"),
        ("libvirt-qemu.so.0", "libvirt0"),
        ("libssl.so.3", "libssl3t64"),
    ];

    public IEnumerable<Finding> Run()
    {
        (string Library, string Package)[] missing =
            [.. Needed.Where(needed => !Folders.Any(folder => host.Exists($"{folder}/{needed.Library}")))];
        yield return missing.Length == 0
            ? Finding.Ok("libraries", string.Join(", ", Needed.Select(needed => needed.Library)))
            : Finding.Fail(
                "libraries",
                $"missing: {string.Join(", ", missing.Select(needed => needed.Library))}",
                $"apt install {string.Join(' ', missing.Select(needed => needed.Package).Distinct())}");
    }
}
