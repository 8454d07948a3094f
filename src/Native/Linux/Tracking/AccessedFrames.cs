// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

/// <summary>Which of this machine's page frames hold what is read from files, each time and by whomever: while it is watched, and at no cost else.</summary>
/// <remarks>
/// Theory of operation. <c>read(2)</c> and its like tell the kernel of each folio that they took bytes from (mm/filemap.c, filemap_read, and mm/shmem.c call
/// <c>folio_mark_accessed</c>; before Linux 5.16 it was <c>mark_page_accessed</c>, of a page). A BPF program at that function's entry (kprobe) sets one bit for each frame.
/// What the function is given is the address of a <c>struct page</c>; they lie in one array, of which only the beginning must be known. It is found by reading two pages of
/// our own whose frames <c>/proc/self/pagemap</c> tells, so neither symbols nor the kernel's types are needed, and a kernel that is built otherwise is noticed.
///
/// What is read through a mapping (mmap) goes past that function, until the mapping ends; some other users of pages call it, too (get_user_pages, buffers of file systems). Bits that two processors set in one word at the same time may be lost: the frame is seen the next time.
/// Of a folio of several pages only the first frame is seen.
///
/// Needs Linux 5.5 with CONFIG_KPROBE_EVENTS and CONFIG_BPF_EVENTS, x86-64, and root in the machine's own process namespace. One thread.
/// </remarks>
public sealed unsafe class AccessedFrames
{
    private const string KprobeType = "/sys/bus/event_source/devices/kprobe/type";
    private const int PageBytes = 4096;

    /// <summary>sizeof(struct page), as long as nothing unusual is configured.</summary>
    private const int StructPageShift = 6;

    // asm/ptrace.h: where struct pt_regs has the first argument.
    private const short FirstArgument = 112;

    private const int FramesPerWord = 64;

    /// <summary>The program compares with a 32-bit number, words of 64 frames: more than 512 TiB.</summary>
    private const ulong MaxFrames = (ulong)int.MaxValue * FramesPerWord;

    private readonly ulong _pageArray;
    private readonly string _function;

    private AccessedFrames(string function, ulong pageArray)
    {
        _function = function;
        _pageArray = pageArray;
    }

    /// <summary>Finds out how this kernel counts its pages.</summary>
    /// <exception cref="LinuxException">A call that is needed is refused or missing.</exception>
    /// <exception cref="IOException">A file that is needed is missing, or the kernel is built in a way that this cannot follow; the message says which.</exception>
    public static AccessedFrames Open()
    {
        RequireKprobes();
        using var seen = new BpfArray(1);
        using SafeFileHandle program = LoadFinder(seen);
        string function = "folio_mark_accessed";
        SafeFileHandle probe;
        try
        {
            probe = Attach(program, function);
        }
        catch (LinuxException e) when (e.Errno is Syscall.ENOENT or Syscall.EINVAL)
        {
            function = "mark_page_accessed";
            probe = Attach(program, function);
        }
        using (probe)
        {
            return new AccessedFrames(function, FindPageArray(seen));
        }
    }

    /// <summary>Watches for a while, then hands over a bit for each frame: bit 0 of the first number is frame 0.</summary>
    /// <param name="frames">As many as there are, from 0 on; a multiple of 64.</param>
    /// <param name="duration">The caller waits meanwhile.</param>
    /// <param name="take">Must not keep what it is given.</param>
    /// <exception cref="LinuxException">A call was refused, or there is no memory for the bits.</exception>
    public void Watch(ulong frames, TimeSpan duration, Action<ReadOnlySpan<ulong>> take)
    {
        ArgumentOutOfRangeException.ThrowIfZero(frames);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(frames, MaxFrames);
        ArgumentOutOfRangeException.ThrowIfNotEqual(frames % FramesPerWord, 0UL, nameof(frames));
        using var bits = new BpfArray((int)(frames / FramesPerWord));
        using (SafeFileHandle program = LoadMarker(bits.Map, (int)(frames / FramesPerWord), _pageArray))
        using (Attach(program, _function))
        {
            Thread.Sleep(duration);
        }
        take(bits.Numbers);
    }

    // Two files, as two pages of one may be parts of one folio.
    private static ulong FindPageArray(BpfArray seen)
    {
        ulong array = PageArrayBySample(seen);
        return array % PageBytes == 0 && PageArrayBySample(seen) == array
            ? array
            : throw new IOException($"the kernel's struct page is not of {1 << StructPageShift} bytes, or not in one array");
    }

    private static ulong PageArrayBySample(BpfArray seen)
    {
        using MemoryFile file = MemoryFile.Create("hikae-page-array");
        byte[] page = new byte[PageBytes];
        RandomAccess.Write(file.Handle, page, 0);

        // SAFETY: a new mapping at an address of the kernel's choice; it replaces nothing.
        nint address = Syscall.mmap_file(0, PageBytes, Syscall.PROT_READ, Syscall.MAP_SHARED, file.Handle, 0);
        if (address == Syscall.MAP_FAILED)
        {
            LinuxException.ThrowLastError("mmap");
        }
        using var mapping = new MappingHandle(address, PageBytes);

        // SAFETY: within the mapping; the file is that long.
        _ = Volatile.Read(ref *(byte*)mapping.Address);
        ulong frame = FrameOf((ulong)mapping.Address);
        Volatile.Write(ref seen.Numbers[0], 0);
        file.Read(0, page);
        ulong pageAddress = Volatile.Read(ref seen.Numbers[0]);
        return pageAddress != 0
            ? pageAddress - (frame << StructPageShift)
            : throw new IOException("what this process reads is not seen at the kernel's function; in a container it cannot be");
    }

    private static ulong FrameOf(ulong address)
    {
        const ulong Present = 1UL << 63;
        const ulong FrameMask = (1UL << 55) - 1;
        using SafeFileHandle pagemap = File.OpenHandle("/proc/self/pagemap");
        ulong entry = 0;
        int read = RandomAccess.Read(pagemap, MemoryMarshal.AsBytes(new Span<ulong>(ref entry)), (long)(address / PageBytes * sizeof(ulong)));
        return read == sizeof(ulong) && (entry & Present) != 0 && (entry & FrameMask) != 0
            ? entry & FrameMask
            : throw new IOException("the kernel does not show which frames this process' pages have (CAP_SYS_ADMIN)");
    }

    /// <summary>Notes the argument of the last call that this thread made.</summary>
    private static SafeFileHandle LoadFinder(BpfArray seen)
    {
        ReadOnlySpan<ulong> instructions =
        [
            BpfProgram.Instruction(0x79, 6, 1, FirstArgument, 0),                                                // r6 = the function's first argument
            BpfProgram.Instruction(0x85, 0, 0, 0, Syscall.BPF_FUNC_get_current_pid_tgid),                        // r0 = process and thread
            BpfProgram.Instruction(0x56, 0, 0, 3, Syscall.gettid()),                                             // if (u32)r0 != our thread goto +3
            BpfProgram.Instruction(0x18, 1, Syscall.BPF_PSEUDO_MAP_VALUE, 0, (int)seen.Map.DangerousGetHandle()), // r1 = address of the number,
            BpfProgram.Instruction(0x00, 0, 0, 0, 0),                                                            //   at 0
            BpfProgram.Instruction(0x7b, 1, 6, 0, 0),                                                            // *(u64 *)r1 = r6
            BpfProgram.Instruction(0xb7, 0, 0, 0, 0),                                                            // r0 = 0
            BpfProgram.Instruction(0x95, 0, 0, 0, 0),                                                            // exit
        ];
        return BpfProgram.Load(Syscall.BPF_PROG_TYPE_KPROBE, "hikae_find"u8, instructions);
    }

    /// <summary>Sets the bit of the frame whose struct page the function is given.</summary>
    private static SafeFileHandle LoadMarker(SafeFileHandle bits, int words, ulong pageArray)
    {
        ReadOnlySpan<ulong> instructions =
        [
            BpfProgram.Instruction(0x79, 6, 1, FirstArgument, 0),                                          // r6 = the function's first argument
            BpfProgram.Instruction(0x18, 2, 0, 0, unchecked((int)pageArray)),                              // r2 = the array's
            BpfProgram.Instruction(0x00, 0, 0, 0, unchecked((int)(pageArray >> 32))),                      //   beginning
            BpfProgram.Instruction(0x1f, 6, 2, 0, 0),                                                      // r6 -= r2
            BpfProgram.Instruction(0x77, 6, 0, 0, StructPageShift),                                        // r6 >>= 6: the frame
            BpfProgram.Instruction(0xbf, 7, 6, 0, 0),                                                      // r7 = r6
            BpfProgram.Instruction(0x57, 7, 0, 0, FramesPerWord - 1),                                      // r7 &= 63: the bit
            BpfProgram.Instruction(0x77, 6, 0, 0, BitOperations.Log2(FramesPerWord)),                      // r6 >>= 6: the word
            BpfProgram.Instruction(0x35, 6, 0, 13, words),                                                 // if r6 >= words goto end
            BpfProgram.Instruction(0x63, 10, 6, -4, 0),                                                    // *(u32 *)(r10 - 4) = r6
            BpfProgram.Instruction(0x18, 1, Syscall.BPF_PSEUDO_MAP_FD, 0, (int)bits.DangerousGetHandle()), // r1 = the map
            BpfProgram.Instruction(0x00, 0, 0, 0, 0),
            BpfProgram.Instruction(0xbf, 2, 10, 0, 0),                                                     // r2 = r10
            BpfProgram.Instruction(0x07, 2, 0, 0, -4),                                                     // r2 += -4
            BpfProgram.Instruction(0x85, 0, 0, 0, Syscall.BPF_FUNC_map_lookup_elem),                       // r0 = the word's address
            BpfProgram.Instruction(0x15, 0, 0, 6, 0),                                                      // if r0 == 0 goto end
            BpfProgram.Instruction(0xb7, 1, 0, 0, 1),                                                      // r1 = 1
            BpfProgram.Instruction(0x6f, 1, 7, 0, 0),                                                      // r1 <<= r7
            BpfProgram.Instruction(0x79, 2, 0, 0, 0),                                                      // r2 = *(u64 *)r0
            BpfProgram.Instruction(0x4f, 1, 2, 0, 0),                                                      // r1 |= r2
            BpfProgram.Instruction(0x1d, 1, 2, 1, 0),                                                      // if r1 == r2 goto end: nothing is written twice
            BpfProgram.Instruction(0x7b, 0, 1, 0, 0),                                                      // *(u64 *)r0 = r1
            BpfProgram.Instruction(0xb7, 0, 0, 0, 0),                                                      // end: r0 = 0
            BpfProgram.Instruction(0x95, 0, 0, 0, 0),                                                      // exit
        ];
        return BpfProgram.Load(Syscall.BPF_PROG_TYPE_KPROBE, "hikae_mark"u8, instructions);
    }

    private static void RequireKprobes()
    {
        if (!File.Exists(KprobeType))
        {
            throw new IOException("the kernel has no kprobes (CONFIG_KPROBE_EVENTS)");
        }
    }

    /// <summary>The program runs at each call of the function, on all processors, until the handle is closed.</summary>
    private static SafeFileHandle Attach(SafeFileHandle program, string function)
    {
        uint type = uint.Parse(File.ReadAllText(KprobeType), CultureInfo.InvariantCulture);
        nint name = Marshal.StringToCoTaskMemUTF8(function);
        try
        {
            var attr = new Syscall.perf_event_attr { type = type, size = Syscall.PERF_ATTR_SIZE_VER1, config1 = (ulong)name };

            // A kprobe's program runs on every processor, whichever one its event is for (kernel/trace/trace_kprobe.c, kprobe_perf_func).
            long descriptor = Syscall.syscall_perf_event_open(Syscall.SYS_perf_event_open, &attr, -1, 0, -1, Syscall.PERF_FLAG_FD_CLOEXEC);
            LinuxException.ThrowIfFailed(descriptor, $"perf_event_open of {function}");
            var probe = new SafeFileHandle((nint)descriptor, ownsHandle: true);
            try
            {
                LinuxException.ThrowIfFailed(Syscall.ioctl_number(probe, Syscall.PERF_EVENT_IOC_SET_BPF, program.DangerousGetHandle()), "PERF_EVENT_IOC_SET_BPF");
                LinuxException.ThrowIfFailed(Syscall.ioctl_number(probe, Syscall.PERF_EVENT_IOC_ENABLE, 0), "PERF_EVENT_IOC_ENABLE");
                return probe;
            }
            catch
            {
                probe.Dispose();
                throw;
            }
        }
        finally
        {
            Marshal.FreeCoTaskMem(name);
        }
    }
}
