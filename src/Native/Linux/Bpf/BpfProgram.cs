// SPDX-License-Identifier: LGPL-2.1-or-later
using Microsoft.Win32.SafeHandles;

namespace Hikae.Native.Linux;

/// <summary>Programs that the kernel runs, and the call that everything of the kind goes through.</summary>
internal static unsafe class BpfProgram
{
    private const int NameBytes = 16;

    /// <summary>One instruction: the fields of struct bpf_insn from the lowest bit, code 8, destination 4, source 4, offset 16, immediate 32.</summary>
    internal static ulong Instruction(byte code, byte destination, byte source, short offset, int immediate) =>
        code | ((ulong)destination << 8) | ((ulong)source << 12) | ((ulong)(ushort)offset << 16) | ((ulong)(uint)immediate << 32);

    /// <param name="type">BPF_PROG_TYPE_….</param>
    /// <param name="name">Seen in lists of programs, 15 characters at most.</param>
    /// <param name="instructions">See <see cref="Instruction"/>.</param>
    /// <param name="attachType">BPF_…, where the type wants one.</param>
    /// <exception cref="LinuxException">The kernel refuses it, or this process' rights do not allow it.</exception>
    internal static SafeFileHandle Load(uint type, ReadOnlySpan<byte> name, ReadOnlySpan<ulong> instructions, uint attachType = 0)
    {
        // Not a licence that lets a program call the helpers which are for the GPL's only.
        ReadOnlySpan<byte> license = "LGPL\0"u8;
        fixed (ulong* first = instructions)
        fixed (byte* text = license)
        {
            var load = new Syscall.bpf_prog_attr
            {
                prog_type = type,
                insn_cnt = (uint)instructions.Length,
                insns = (ulong)first,
                license = (ulong)text,
                expected_attach_type = attachType,
            };
            name.CopyTo(new Span<byte>(load.prog_name, NameBytes));
            return new SafeFileHandle((nint)Call(Syscall.BPF_PROG_LOAD, &load, sizeof(Syscall.bpf_prog_attr), "BPF_PROG_LOAD"), ownsHandle: true);
        }
    }

    internal static long Call(int command, void* arguments, int size, string name)
    {
        // SAFETY: the caller's structure has this size, and what it points to outlives the call.
        long result = Syscall.syscall_bpf(Syscall.SYS_bpf, command, arguments, (nuint)size);
        LinuxException.ThrowIfFailed(result, name);
        return result;
    }
}
