// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Text;
using System.IO.Hashing;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Sidecar.Capture;

/// <summary>What QEMU has mapped into its address space: tells whether a RAM block came or went without asking QEMU, which cannot answer while the guest stands still for us.</summary>
/// <remarks>
/// A RAM block is a mapping of its own (QEMU util/mmap-alloc.c, qemu_ram_mmap), made under the lock that QEMU holds while it saves its device state. So at that
/// time this says for certain whether one came; one that went is unmapped some tens of milliseconds later (system/physmem.c, qemu_ram_free). It may say "changed"
/// of a process whose threads or buffers came or went: then the blocks are asked for again, which costs only time. Checkpoint thread only.
/// </remarks>
internal sealed class QemuMappings : IDisposable
{
    // Some 600 mappings of some 80 characters; a line is at most a path longer.
    private const int FirstBytes = 128 * 1024;

    // 65,530 mappings is what the kernel allows a process (vm.max_map_count), unless told otherwise.
    private const int MostBytes = 64 * 1024 * 1024;

    private readonly SafeFileHandle _sizes;
    private readonly string _mapsPath;
    private byte[] _text = GC.AllocateUninitializedArray<byte>(FirstBytes);
    private long _pages = -1;
    private ulong _ranges;

    /// <param name="pid">QEMU, which runs.</param>
    public QemuMappings(int pid)
    {
        _mapsPath = $"/proc/{pid}/maps";
        _sizes = File.OpenHandle($"/proc/{pid}/statm");
    }

    /// <summary>What is mapped from now on counts as new. Before the blocks are asked for: one that comes in between is then found twice, and never missed.</summary>
    public void Remember()
    {
        _pages = ReadPages();
        _ranges = ReadRanges();
    }

    /// <summary>Whether something was mapped or unmapped since <see cref="Remember"/>. Some microseconds, or half a millisecond when the process grew or shrank.</summary>
    public bool HaveChanged()
    {
        long pages = ReadPages();
        if (pages == _pages)
        {
            return false;
        }
        if (ReadRanges() != _ranges)
        {
            return true;
        }
        // The heap alone did: that is asked once, not at every checkpoint from now on.
        _pages = pages;
        return false;
    }

    public void Dispose() => _sizes.Dispose();

    /// <summary>proc_pid_statm(5): the first number is the size of all mappings, in pages.</summary>
    private long ReadPages()
    {
        Span<byte> text = stackalloc byte[128];
        int length = RandomAccess.Read(_sizes, text, 0);
        return Utf8Parser.TryParse(text[..length], out long pages, out _) && pages > 0 ? pages : throw new IOException($"{_mapsPath}: the process has ended");
    }

    /// <summary>A hash of where mappings begin and end (proc_pid_maps(5)), without the heap, which QEMU makes no RAM block in, and the stack.</summary>
    private ulong ReadRanges()
    {
        int length = ReadMaps();
        var hash = new XxHash3();
        ReadOnlySpan<byte> rest = _text.AsSpan(0, length);
        while (!rest.IsEmpty)
        {
            int end = rest.IndexOf((byte)'\n');
            ReadOnlySpan<byte> line = end < 0 ? rest : rest[..end];
            rest = end < 0 ? [] : rest[(end + 1)..];
            if (!line.EndsWith("[heap]"u8) && !line.EndsWith("[stack]"u8))
            {
                hash.Append(line[..(line.IndexOf((byte)' ') + 1)]);
            }
        }
        return hash.GetCurrentHashAsUInt64();
    }

    private int ReadMaps()
    {
        using SafeFileHandle maps = File.OpenHandle(_mapsPath);
        int length = 0;
        while (true)
        {
            if (length == _text.Length)
            {
                if (length >= MostBytes)
                {
                    throw new IOException($"{_mapsPath} is longer than {MostBytes} bytes");
                }
                Array.Resize(ref _text, length * 2);
            }
            int read = RandomAccess.Read(maps, _text.AsSpan(length), length);
            if (read == 0)
            {
                return length;
            }
            length += read;
        }
    }
}
