// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness;

/// <summary>The tree the tests were built from: for tests about the tree itself and about its documents.</summary>
public static class Repository
{
    /// <summary>The folder with Hikae.slnx.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The path of a file or folder of the tree.</summary>
    public static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    /// <summary>The text of a file of the tree.</summary>
    public static string Read(params string[] parts) => File.ReadAllText(PathOf(parts));

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Hikae.slnx")))
            {
                return folder.FullName;
            }
        }

        throw new InvalidOperationException($"no Hikae.slnx above {AppContext.BaseDirectory}");
    }
}
