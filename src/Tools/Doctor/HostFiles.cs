// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Tools.Doctor;

/// <summary>The host's files, below a root that is "" on a host and a folder in tests.</summary>
internal sealed class HostFiles(string root)
{
    internal string PathOf(string path) => root + path;

    internal bool Exists(string path) => File.Exists(PathOf(path)) || Directory.Exists(PathOf(path));

    /// <summary>The trimmed text; null when it is missing or may not be read.</summary>
    internal string? Read(string path)
    {
        try
        {
            return File.ReadAllText(PathOf(path)).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
