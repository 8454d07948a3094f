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
    private const int MostPrograms = 64;

    private readonly BpfArray _until;
    private readonly SafeFileHandle _program;
    private readonly long _clockOffset;

    /// <summary>A gate that is open and stands nowhere yet.</summary>
    /// <exception cref="LinuxException">The kernel or this process' rights do not allow it.</exception>
    public PacketGate()
    {
        _clockOffset = ReadClockOffset();
        _until = new BpfArray(1);
        try
        {
            Open();
            _program = LoadProgram(_until.Map);
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
        BpfProgram.Call(Syscall.BPF_PROG_ATTACH, &attach, sizeof(Syscall.bpf_attach_attr), "BPF_PROG_ATTACH");
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
        _program?.Dispose();
        _until.Dispose();
    }

    private static bool IsGone(string call) =>
        System.Runtime.InteropServices.Marshal.GetLastPInvokeError() is var errno and not (Syscall.ENODEV or Syscall.ENOENT) ? throw new LinuxException(call, errno) : false;

    // The kernel reads it at one go, as it is aligned.
    private void Write(ulong until) => Volatile.Write(ref _until.Numbers[0], until);

    private static SafeFileHandle LoadProgram(SafeFileHandle map)
    {
        ReadOnlySpan<ulong> instructions =
        [
            BpfProgram.Instruction(0x18, 1, Syscall.BPF_PSEUDO_MAP_VALUE, 0, (int)map.DangerousGetHandle()), // r1 = address of the map's value,
            BpfProgram.Instruction(0x00, 0, 0, 0, 0),                                                         //   at 0
            BpfProgram.Instruction(0x79, 6, 1, 0, 0),                                                         // r6 = *(u64 *)r1
            BpfProgram.Instruction(0x85, 0, 0, 0, Syscall.BPF_FUNC_ktime_get_boot_ns),                        // r0 = bpf_ktime_get_boot_ns()
            BpfProgram.Instruction(0xad, 0, 6, 2, 0),                                                         // if r0 < r6 goto +2
            BpfProgram.Instruction(0xb7, 0, 0, 0, Syscall.TCX_DROP),                                          // r0 = drop
            BpfProgram.Instruction(0x95, 0, 0, 0, 0),                                                         // exit
            BpfProgram.Instruction(0xb7, 0, 0, 0, Syscall.TCX_NEXT),                                          // r0 = go on
            BpfProgram.Instruction(0x95, 0, 0, 0, 0),                                                         // exit
        ];
        return BpfProgram.Load(Syscall.BPF_PROG_TYPE_SCHED_CLS, "hikae_gate"u8, instructions, Syscall.BPF_TCX_INGRESS);
    }

    private static uint ReadId(SafeFileHandle program)
    {
        Syscall.bpf_prog_info info = default;
        var ask = new Syscall.bpf_info_attr
        {
            bpf_fd = (uint)program.DangerousGetHandle(),
            info_len = (uint)sizeof(Syscall.bpf_prog_info),
            info = (ulong)&info,
        };
        BpfProgram.Call(Syscall.BPF_OBJ_GET_INFO_BY_FD, &ask, sizeof(Syscall.bpf_info_attr), "BPF_OBJ_GET_INFO_BY_FD");
        return info.id;
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
