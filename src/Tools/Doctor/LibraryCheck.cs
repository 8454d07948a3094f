// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Tools.Doctor;

/// <summary>Shared libraries our programs open at run time.</summary>
internal sealed class LibraryCheck(HostFiles host, Distribution distribution) : IDoctorCheck
{
    private static readonly string[] Folders =
        ["/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib"];

    private readonly (string Library, string Package)[] _needed =
    [
        ("libvirt.so.0", distribution.LibvirtLibraries),
        ("libvirt-qemu.so.0", distribution.LibvirtLibraries),
        ("libssl.so.3", distribution.OpenSslLibraries),
    ];

    public IEnumerable<Finding> Run()
    {
        (string Library, string Package)[] missing =
            [.. _needed.Where(needed => !Folders.Any(folder => host.Exists($"{folder}/{needed.Library}")))];
        yield return missing.Length == 0
            ? Finding.Ok("libraries", string.Join(", ", _needed.Select(needed => needed.Library)))
            : Finding.Fail(
                "libraries",
                $"missing: {string.Join(", ", missing.Select(needed => needed.Library))}",
                $"{distribution.Install} {string.Join(' ', missing.Select(needed => needed.Package).Distinct())}");
    }
}
