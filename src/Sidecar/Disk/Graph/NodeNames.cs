// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Security.Cryptography;
using System.Text;

namespace Hikae.Sidecar.Disk.Graph;

/// <summary>The names of our nodes for one device. All begin with <see cref="Prefix"/>, which libvirt never uses.</summary>
/// <remarks>QEMU allows 31 characters; an alias given by the user may be longer and is replaced by a hash of it.</remarks>
internal readonly record struct NodeNames(string Alias)
{
    public const string Prefix = "hikae-";

    private const int MaxAliasChars = 20;

    /// <summary>What the device has: the NBD node of a raw disk, the format node of another.</summary>
    public string Root => Prefix + Stem;

    /// <summary>The NBD node below a format node.</summary>
    public string Nbd => Root + "-nbd";

    /// <summary>What the device has while one format driver is closed and the other is not open yet.</summary>
    public string Gap => Root + "-gap";

    private string Stem => Alias.Length <= MaxAliasChars
        ? Alias
        : "x" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Alias)))[..12];
}
