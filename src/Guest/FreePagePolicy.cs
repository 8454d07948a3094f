// SPDX-License-Identifier: LGPL-2.1-or-later
using System.IO.Compression;

namespace Hikae.Guest;

/// <summary>Decides whether free pages may be reported at all.</summary>
/// <remarks>
/// A dropped free page comes back as zeros. Nothing minds, also not init_on_free=1, which relies on zeros. Page poisoning,
/// debug_pagealloc and KASAN rely on a pattern of their own in free pages and would raise a false alarm. They are found
/// in the kernel's command line and configuration; where no configuration is readable, in its symbols. Where there are none either,
/// nothing is known, and free pages are not reported: memory is what that costs.
/// </remarks>
internal static class FreePagePolicy
{
    /// <summary>Empty: free pages may be reported. Else the reason why not, for people.</summary>
    internal static string WhyOff(GuestFiles files)
    {
        string commandLine = GuestFiles.TryReadText(files.CommandLine);
        if (Switch(commandLine, "page_poison") == true)
        {
            return "page_poison is on (kernel command line)";
        }

        bool? debugPagealloc = Switch(commandLine, "debug_pagealloc");
        if (debugPagealloc == true)
        {
            return "debug_pagealloc is on (kernel command line)";
        }

        try
        {
            return ReadConfig(files) is { } config
                ? WhyOffByConfig(config, debugPagealloc)
                : WhyOffBySymbols(File.ReadLines(files.KernelSymbols), debugPagealloc);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return "neither the kernel's configuration nor its symbols can be read, so page poisoning cannot be ruled out";
        }
    }

    internal static string WhyOffByConfig(string config, bool? debugPagealloc)
    {
        foreach (ReadOnlySpan<char> line in config.AsSpan().EnumerateLines())
        {
            if (line is "CONFIG_KASAN=y")
            {
                return "the kernel is built with KASAN";
            }

            if (line is "CONFIG_DEBUG_PAGEALLOC_ENABLE_DEFAULT=y" && debugPagealloc is null)
            {
                return "debug_pagealloc is on (kernel default)";
            }
        }

        return string.Empty;
    }

    internal static string WhyOffBySymbols(IEnumerable<string> symbols, bool? debugPagealloc)
    {
        bool any = false;
        foreach (string line in symbols)
        {
            any = true;
            if (line.EndsWith(" kasan_report", StringComparison.Ordinal) || line.EndsWith(" __kasan_poison_pages", StringComparison.Ordinal))
            {
                return "the kernel is built with KASAN";
            }

            // Compiled in, and without the configuration we cannot tell whether it is on by default.
            if (debugPagealloc is null && line.EndsWith(" __kernel_map_pages", StringComparison.Ordinal))
            {
                return "debug_pagealloc may be on (kernel configuration not readable; debug_pagealloc=off on the kernel command line settles it)";
            }
        }

        return any ? string.Empty : "the kernel shows no symbols, so page poisoning cannot be ruled out";
    }

    /// <summary>What the command line says of a switch. Null: nothing. Anything that is not clearly off counts as on.</summary>
    internal static bool? Switch(string commandLine, string name)
    {
        bool? said = null;
        foreach (string word in commandLine.Split((char[])[' ', '\t', '\n'], StringSplitOptions.RemoveEmptyEntries))
        {
            int equals = word.IndexOf('=', StringComparison.Ordinal);
            string key = (equals < 0 ? word : word[..equals]).Trim('"').Replace('-', '_');
            if (key == name)
            {
                string value = equals < 0 ? string.Empty : word[(equals + 1)..].Trim('"');
                said = !(value is "0" or "off" or "OFF" or "Off" or "n" or "N" or "no" or "f" or "F");
            }
        }

        return said;
    }

    private static string? ReadConfig(GuestFiles files)
    {
        if (File.Exists(files.CompressedConfig))
        {
            using var packed = new GZipStream(File.OpenRead(files.CompressedConfig), CompressionMode.Decompress);
            using var reader = new StreamReader(packed);
            return reader.ReadToEnd();
        }

        return files.Configs().Where(File.Exists).Select(File.ReadAllText).FirstOrDefault();
    }
}
