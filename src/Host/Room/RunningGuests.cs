// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Text;

namespace Hikae.Host.Room;

/// <summary>The guests that run on this host and the memory each was given, asked of the kernel: libvirtd may be slow to answer just when a host has died.</summary>
/// <param name="libvirtState">Where libvirt keeps its pid files.</param>
internal sealed class RunningGuests(string libvirtState)
{
    private const int BitsPerKib = 10;

    /// <summary>Bytes by UUID: what QEMU was started with or what it takes, whichever is more.</summary>
    public Dictionary<Guid, long> Read()
    {
        var guests = new Dictionary<Guid, long>();
        if (!Directory.Exists(libvirtState))
        {
            return guests;
        }
        foreach (string file in Directory.EnumerateFiles(libvirtState, "*.pid"))
        {
            try
            {
                if (int.TryParse(File.ReadAllText(file), NumberStyles.None | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out int pid)
                    && Parse(File.ReadAllBytes($"/proc/{pid}/cmdline")) is (var guest, var bytes))
                {
                    guests[guest] = Math.Max(bytes, ProcessMemory.ResidentBytes(pid));
                }
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                // It ended in this moment.
            }
        }
        return guests;
    }

    /// <summary>UUID and bytes of memory from a QEMU's command line, as libvirt writes it; null when it is none.</summary>
    public static (Guid Guest, long Bytes)? Parse(ReadOnlySpan<byte> commandLine)
    {
        string[] words = Encoding.UTF8.GetString(commandLine).Split('\0');
        return Guid.TryParse(After(words, "-uuid"), out Guid guest) ? (guest, MemoryOf(After(words, "-m") ?? "")) : null;
    }

    private static string? After(string[] words, string option)
    {
        int at = Array.IndexOf(words, option);
        return at >= 0 && at + 1 < words.Length ? words[at + 1] : null;
    }

    /// <summary>"size=262144k,slots=16,maxmem=…", or "256" of an older libvirt: MiB.</summary>
    private static long MemoryOf(string value)
    {
        string size = value.Split(',')[0];
        size = size.StartsWith("size=", StringComparison.Ordinal) ? size["size=".Length..] : size;
        int shift = size.EndsWith('k') ? BitsPerKib : 2 * BitsPerKib;
        return long.TryParse(size.TrimEnd('k'), NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number <= long.MaxValue >> shift ? number << shift : 0;
    }
}
