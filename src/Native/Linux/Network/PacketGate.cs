// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

/// <summary>Lets what comes out of network interfaces pass until a time, and drops all that comes later: the kernel does it, even while this process is stopped or gone.</summary>
/// <remarks>
/// Theory of operation. A BPF program of a few instructions stands first where the host takes packets from a tap device (tcx, Linux 6.6) and compares
/// the kernel's CLOCK_BOOTTIME with one number in memory that it shares with this process. It stays until it is taken away by <see cref="Detach"/>
/// or the interface is gone, not until this process ends: its id (<see cref="ProgramId"/>) must be noted by whoever wants to remove it after that.
///
/// Needs CAP_BPF and CAP_NET_ADMIN. Any thread.
/// </remarks>
public sealed unsafe class PacketGate : IDisposable
{
    private const int PageBytes = 4096;
    private const int MostPrograms = 64;

    private readonly SafeFileHandle _map;
    private readonly SafeFileHandle _program;
    private readonly MappingHandle _memory;
    private readonly long _clockOffset;

    /// <summary>A gate that is open and stands nowhere yet.</summary>
    /// <exception cref="LinuxException">The kernel or this process' rights do not allow it.</exception>
    public PacketGate()
    {
        _clockOffset = ReadClockOffset();
        _map = CreateMap();
        try
        {
            // SAFETY: a new mapping at an address of the kernel's choice; it replaces nothing.
            nint address = Syscall.mmap_file(0, PageBytes, Syscall.PROT_READ | Syscall.PROT_WRITE, Syscall.MAP_SHARED, _map, 0);
            if (address == Syscall.MAP_FAILED)
            {
                LinuxException.ThrowLastError("mmap of a BPF map");
            }
            _memory = new MappingHandle(address, PageBytes);
            Open();
            _program = LoadProgram(_map);
            ProgramId = ReadId(_program);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The kernel's number of the program, for <see cref="Detach"/>; no other program has it while this one stands anywhere.</summary>
    public uint ProgramId { get; }

    /// <summary>Packets pass until then, a timestamp of <see cref="BootTimeProvider"/>.</summary>
    public void OpenUntil(long timestamp) => Write((ulong)Math.Max(0, timestamp - _clockOffset));

    /// <summary>Packets pass.</summary>
    public void Open() => Write(ulong.MaxValue);

    /// <summary>The number of a tap device on this host; 0 when there is none of this name.</summary>
    public static int FindTap(string name) =>
        File.Exists($"/sys/class/net/{name}/tun_flags") ? (int)Syscall.if_nametoindex(name) : 0;

    /// <summary>From now on what comes out of the interface must pass here, before it reaches anything else of the host's.</summary>
    public void Attach(int interfaceIndex)
    {
        var attach = new Syscall.bpf_attach_attr
        {
            target_ifindex = (uint)interfaceIndex,
            attach_bpf_fd = (uint)_program.DangerousGetHandle(),
            attach_type = Syscall.BPF_TCX_INGRESS,
            attach_flags = Syscall.BPF_F_BEFORE,
        };
        Call(Syscall.BPF_PROG_ATTACH, &attach, sizeof(Syscall.bpf_attach_attr), "BPF_PROG_ATTACH");
    }

    /// <summary>Takes a gate away from an interface, also one of a process that is gone. False: it does not stand there.</summary>
    /// <exception cref="LinuxException">It stands there and could not be taken away.</exception>
    public static bool Detach(int interfaceIndex, uint programId)
    {
        uint* programs = stackalloc uint[MostPrograms];
        while (true)
        {
            var query = new Syscall.bpf_query_attr
            {
                target_ifindex = (uint)interfaceIndex,
                attach_type = Syscall.BPF_TCX_INGRESS,
                prog_ids = (ulong)programs,
                count = MostPrograms,
            };

            // SAFETY: the kernel reads and writes one structure of this size, and at most count numbers to the array.
            if (Syscall.syscall_bpf(Syscall.SYS_bpf, Syscall.BPF_PROG_QUERY, &query, (nuint)sizeof(Syscall.bpf_query_attr)) < 0)
            {
                return IsGone("BPF_PROG_QUERY");
            }
            int at = new ReadOnlySpan<uint>(programs, (int)Math.Min(query.count, MostPrograms)).IndexOf(programId);
            if (at < 0)
            {
                return false;
            }

            // By its place, as only CAP_SYS_ADMIN may turn an id into a descriptor. The revision makes sure that the places are still the same.
            bool isLast = at + 1 == query.count;
            var detach = new Syscall.bpf_attach_attr
            {
                target_ifindex = (uint)interfaceIndex,
                attach_type = Syscall.BPF_TCX_INGRESS,
                attach_flags = isLast ? Syscall.BPF_F_AFTER : Syscall.BPF_F_BEFORE | Syscall.BPF_F_ID,
                relative_id = isLast ? 0 : programs[at + 1],
                expected_revision = query.revision,
            };

            // SAFETY: the kernel reads one structure of this size.
            if (Syscall.syscall_bpf(Syscall.SYS_bpf, Syscall.BPF_PROG_DETACH, &detach, (nuint)sizeof(Syscall.bpf_attach_attr)) >= 0)
            {
                return true;
            }
            if (System.Runtime.InteropServices.Marshal.GetLastPInvokeError() != Syscall.ESTALE)
            {
                return IsGone("BPF_PROG_DETACH");
            }
        }
    }

    /// <inheritdoc/>
    /// <remarks>Where it stands it stays as it was set last.</remarks>
    public void Dispose()
    {
        _memory?.Dispose();
        _program?.Dispose();
        _map?.Dispose();
    }

    private static bool IsGone(string call) =>
        System.Runtime.InteropServices.Marshal.GetLastPInvokeError() is var errno and not (Syscall.ENODEV or Syscall.ENOENT) ? throw new LinuxException(call, errno) : false;

    // SAFETY: the mapping is longer than that, and lasts until Dispose; the handle throws after it. The kernel reads it at one go, as it is aligned.
    private void Write(ulong until) => Volatile.Write(ref *(ulong*)_memory.Address, until);

    private static SafeFileHandle CreateMap()
    {
        var map = new Syscall.bpf_map_attr
        {
            map_type = Syscall.BPF_MAP_TYPE_ARRAY,
            key_size = sizeof(uint),
            value_size = sizeof(ulong),
            max_entries = 1,
            map_flags = Syscall.BPF_F_MMAPABLE,
        };
        return new SafeFileHandle((nint)Call(Syscall.BPF_MAP_CREATE, &map, sizeof(Syscall.bpf_map_attr), "BPF_MAP_CREATE"), ownsHandle: true);
    }

    private static SafeFileHandle LoadProgram(SafeFileHandle map)
    {
        // Fields of struct bpf_insn from the lowest bit: code 8, destination 4, source 4, offset 16, immediate 32.
        ReadOnlySpan<ulong> instructions =
        [
            Instruction(0x18, 1, Syscall.BPF_PSEUDO_MAP_VALUE, 0, (int)map.DangerousGetHandle()), // r1 = address of the map's value,
            Instruction(0x00, 0, 0, 0, 0),                                                         //   at 0
            Instruction(0x79, 6, 1, 0, 0),                                                         // r6 = *(u64 *)r1
            Instruction(0x85, 0, 0, 0, Syscall.BPF_FUNC_ktime_get_boot_ns),                        // r0 = bpf_ktime_get_boot_ns()
            Instruction(0xad, 0, 6, 2, 0),                                                         // if r0 < r6 goto +2
            Instruction(0xb7, 0, 0, 0, Syscall.TCX_DROP),                                          // r0 = drop
            Instruction(0x95, 0, 0, 0, 0),                                                         // exit
            Instruction(0xb7, 0, 0, 0, Syscall.TCX_NEXT),                                          // r0 = go on
            Instruction(0x95, 0, 0, 0, 0),                                                         // exit
        ];
        ReadOnlySpan<byte> license = "LGPL\0"u8;
        fixed (ulong* first = instructions)
        fixed (byte* text = license)
        {
            var load = new Syscall.bpf_prog_attr
            {
                prog_type = Syscall.BPF_PROG_TYPE_SCHED_CLS,
                insn_cnt = (uint)instructions.Length,
                insns = (ulong)first,
                license = (ulong)text,
                expected_attach_type = Syscall.BPF_TCX_INGRESS,
            };
            "hikae_gate"u8.CopyTo(new Span<byte>(load.prog_name, 16));
            return new SafeFileHandle((nint)Call(Syscall.BPF_PROG_LOAD, &load, sizeof(Syscall.bpf_prog_attr), "BPF_PROG_LOAD"), ownsHandle: true);
        }
    }

    private static ulong Instruction(byte code, byte destination, byte source, short offset, int immediate) =>
        code | ((ulong)destination << 8) | ((ulong)source << 12) | ((ulong)(ushort)offset << 16) | ((ulong)(uint)immediate << 32);

    private static uint ReadId(SafeFileHandle program)
    {
        Syscall.bpf_prog_info info = default;
        var ask = new Syscall.bpf_info_attr
        {
            bpf_fd = (uint)program.DangerousGetHandle(),
            info_len = (uint)sizeof(Syscall.bpf_prog_info),
            info = (ulong)&info,
        };
        Call(Syscall.BPF_OBJ_GET_INFO_BY_FD, &ask, sizeof(Syscall.bpf_info_attr), "BPF_OBJ_GET_INFO_BY_FD");
        return info.id;
    }

    private static long Call(int command, void* arguments, int size, string name)
    {
        // SAFETY: the caller's structure has this size, and what it points to outlives the call.
        long result = Syscall.syscall_bpf(Syscall.SYS_bpf, command, arguments, (nuint)size);
        LinuxException.ThrowIfFailed(result, name);
        return result;
    }

    /// <summary>What this process' CLOCK_BOOTTIME is ahead of the kernel's, which knows no time namespaces (time_namespaces(7)).</summary>
    private static long ReadClockOffset()
    {
        const string File = "/proc/self/timens_offsets";
        string? line = System.IO.File.Exists(File) ? System.IO.File.ReadLines(File).FirstOrDefault(line => line.StartsWith("boottime", StringComparison.Ordinal)) : null;
        string[] words = line?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        return words.Length < 3 ? 0 : (long.Parse(words[1], CultureInfo.InvariantCulture) * 1_000_000_000) + long.Parse(words[2], CultureInfo.InvariantCulture);
    }
}
