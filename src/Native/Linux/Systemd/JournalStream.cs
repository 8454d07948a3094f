// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Mono.Unix.Native;

namespace Hikae.Native.Linux.Systemd;

/// <summary>Whether standard error ends in the journal: JOURNAL_STREAM of systemd.exec(5).</summary>
public static class JournalStream
{
    public const string Variable = "JOURNAL_STREAM";

    private const int StandardError = 2;

    /// <summary>A program that redirects its child's standard error hands the variable on all the same: so device and inode are compared.</summary>
    /// <param name="value">JOURNAL_STREAM's value, "device:inode" in decimal; null where it is not set.</param>
    public static bool IsStandardError(string? value) => Is(value, StandardError);

    internal static bool Is(string? value, int descriptor)
    {
        string[] parts = (value ?? "").Split(':');
        return parts.Length == 2
            && ulong.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out ulong device)
            && ulong.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out ulong inode)
            && Mono.Unix.Native.Syscall.fstat(descriptor, out Stat stat) == 0
            && stat.st_dev == device
            && stat.st_ino == inode;
    }
}
