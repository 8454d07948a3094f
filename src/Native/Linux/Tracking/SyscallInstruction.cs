// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;

namespace Hikae.Native.Linux;

/// <summary>Finds a <c>syscall</c> instruction in a process's own program text, so that nothing has to be written into it.</summary>
internal static class SyscallInstruction
{
    // Text is read in parts of this size; the largest vDSO has four pages.
    private const int PartBytes = 64 * 1024;

    private static ReadOnlySpan<byte> Opcode => [0x0f, 0x05];

    internal static ulong Find(int pid)
    {
        string[] maps = File.ReadAllLines($"/proc/{pid}/maps");

        // The vDSO first: every process has it, it is small, and its fall-backs for clocks it cannot read are real system calls.
        foreach (string name in (ReadOnlySpan<string>)["[vdso]", "libc.so", "ld-linux", ""])
        {
            foreach (string line in maps)
            {
                if (TryParse(line, name, out ulong start, out ulong end) && TryFind(pid, start, end, out ulong address))
                {
                    return address;
                }
            }
        }

        throw new InvalidOperationException($"Process {pid} has no syscall instruction in its program text.");
    }

    // A line of maps: "7f0000000000-7f0000001000 r-xp 00000000 00:00 0    [vdso]".
    private static bool TryParse(string line, string name, out ulong start, out ulong end)
    {
        start = end = 0;
        int dash = line.IndexOf('-', StringComparison.Ordinal);
        int space = line.IndexOf(' ', StringComparison.Ordinal);
        return dash > 0
            && space > dash
            && line.AsSpan(space + 1).StartsWith("r-x", StringComparison.Ordinal)
            && line.Contains(name, StringComparison.Ordinal)
            && ulong.TryParse(line.AsSpan(0, dash), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out start)
            && ulong.TryParse(line.AsSpan(dash + 1, space - dash - 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out end);
    }

    private static bool TryFind(int pid, ulong start, ulong end, out ulong address)
    {
        Span<byte> part = new byte[PartBytes];
        for (ulong at = start; at < end; at += PartBytes)
        {
            Span<byte> text = part[..(int)Math.Min(PartBytes, end - at)];
            ProcessMemory.Read(pid, [new MemoryRange(at, (ulong)text.Length)], text);
            int index = text.IndexOf(Opcode);
            if (index >= 0)
            {
                address = at + (ulong)index;
                return true;
            }
        }

        address = 0;
        return false;
    }
}
