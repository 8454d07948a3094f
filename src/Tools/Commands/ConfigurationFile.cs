// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Configuration;

namespace Hikae.Tools.Commands;

/// <summary>hikae.conf from the disk; a missing file means all defaults.</summary>
internal static class ConfigurationFile
{
    internal static HikaeConfiguration Read(string path) =>
        HikaeConfiguration.Parse(File.Exists(path) ? File.ReadAllText(path) : "", path);
}
