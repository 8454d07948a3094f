// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;

namespace Hikae.Sidecar.Capture;

/// <summary>The directory that libvirt makes for one run of a guest. QEMU's unprivileged user owns it, and security drivers let QEMU write there.</summary>
internal static class DomainDirectory
{
    /// <summary>Where libvirt's system daemon makes them.</summary>
    public const string Root = "/var/lib/libvirt/qemu";

    /// <summary>That of a running guest. Throws <see cref="IOException"/> when there is none.</summary>
    public static string Of(Domain domain) => Find(domain) ?? throw new IOException($"There is no directory {Root}/domain-{domain.Id}-*.");

    /// <summary>Finds it.</summary>
    /// <param name="domain">A running guest.</param>
    /// <returns>Null when there is none.</returns>
    public static string? Find(Domain domain) =>
        Choose(Directory.GetDirectories(Root, $"domain-{domain.Id}-*"), domain.Id, domain.Name);

    /// <summary>
    /// libvirt cuts long names (virDomainDefGetShortName). A host that lost its power keeps the directories of its dead guests, whose numbers are
    /// given anew after the boot.
    /// </summary>
    internal static string? Choose(IEnumerable<string> directories, int id, string name)
    {
        int prefix = $"domain-{id}-".Length;
        return directories
            .Where(path => name.StartsWith(Path.GetFileName(path)[prefix..], StringComparison.Ordinal))
            .MaxBy(path => path.Length);
    }
}
