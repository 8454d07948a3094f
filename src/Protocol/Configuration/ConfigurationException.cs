// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Protocol.Configuration;

/// <summary>hikae.conf says something we cannot follow: whoever wrote it must change it. Nothing starts until then.</summary>
public sealed class ConfigurationException : Exception
{
    /// <param name="fileName">The file as the operator knows it.</param>
    /// <param name="line">Counted from 1.</param>
    /// <param name="key">The key as written in the file, or empty when the line has none.</param>
    /// <param name="problem">What is wrong and what would be right, as a sentence.</param>
    public ConfigurationException(string fileName, int line, string key, string problem)
        : base($"{fileName}:{line}: {problem}")
    {
        FileName = fileName;
        Line = line;
        Key = key;
    }

    /// <summary>The file as the operator knows it.</summary>
    public string FileName { get; }

    /// <summary>Counted from 1.</summary>
    public int Line { get; }

    /// <summary>The key as written in the file; empty when the line has none.</summary>
    public string Key { get; }
}
