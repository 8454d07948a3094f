// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Ownership;

namespace Hikae.Protocol.Tests.Ownership;

/// <summary>A shared directory of its own for one test.</summary>
internal sealed class ArbiterDirectory : IDisposable
{
    public static readonly Guid Guest = new("11111111-2222-3333-4444-555555555555");

    public string Root { get; } = Directory.CreateTempSubdirectory("hikae-arbiter-").FullName;

    public string Folder => Path.Combine(Root, Guest.ToString());

    public SharedDirectoryArbiter Open() => new(Root);

    public string PathOf(long generation) => Path.Combine(Folder, generation.ToString("D19"));

    public static OwnershipRecord Record(long generation, string owner, string? protectedBy = null) =>
        new(Guest, generation, owner, protectedBy, 5000);

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
