// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Native.Linux;

// linux/bpf.h: programs that the kernel runs. Of union bpf_attr only the parts that are used, and of those only as many members as are needed: what is
// not passed is zero to the kernel.
internal static unsafe partial class Syscall
{
    internal const long SYS_bpf = 321;

    internal const int BPF_MAP_CREATE = 0;
    internal const int BPF_PROG_LOAD = 5;
    internal const int BPF_PROG_ATTACH = 8;
    internal const int BPF_PROG_DETACH = 9;
    internal const int BPF_OBJ_GET_INFO_BY_FD = 15;
    internal const int BPF_PROG_QUERY = 16;

    internal const uint BPF_MAP_TYPE_ARRAY = 2;
    internal const uint BPF_F_MMAPABLE = 1 << 10;
    internal const uint BPF_PROG_TYPE_KPROBE = 2;
    internal const uint BPF_PROG_TYPE_SCHED_CLS = 3;

    internal const uint BPF_F_BEFORE = 1 << 3;
    internal const uint BPF_F_AFTER = 1 << 4;
    internal const uint BPF_F_ID = 1 << 5;

    internal const int BPF_FUNC_map_lookup_elem = 1;
    internal const int BPF_FUNC_get_current_pid_tgid = 14;
    internal const int BPF_FUNC_ktime_get_boot_ns = 125;
    internal const int BPF_PSEUDO_MAP_FD = 1;
    internal const int BPF_PSEUDO_MAP_VALUE = 2;

    // What came with Linux 6.6.
    internal const uint BPF_TCX_INGRESS = 46;
    internal const int TCX_NEXT = -1;
    internal const int TCX_DROP = 2;

    /// <summary>BPF_MAP_CREATE.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct bpf_map_attr
    {
        internal uint map_type;
        internal uint key_size;
        internal uint value_size;
        internal uint max_entries;
        internal uint map_flags;
    }

    /// <summary>BPF_PROG_LOAD.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct bpf_prog_attr
    {
        internal uint prog_type;
        internal uint insn_cnt;
        internal ulong insns;
        internal ulong license;
        internal uint log_level;
        internal uint log_size;
        internal ulong log_buf;
        internal uint kern_version;
        internal uint prog_flags;
        internal fixed byte prog_name[16];
        internal uint prog_ifindex;
        internal uint expected_attach_type;
    }

    /// <summary>BPF_PROG_ATTACH and BPF_PROG_DETACH.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct bpf_attach_attr
    {
        internal uint target_ifindex;
        internal uint attach_bpf_fd;
        internal uint attach_type;
        internal uint attach_flags;
        internal uint replace_bpf_fd;
        internal uint relative_id;
        internal ulong expected_revision;
    }

    /// <summary>BPF_PROG_QUERY.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct bpf_query_attr
    {
        internal uint target_ifindex;
        internal uint attach_type;
        internal uint query_flags;
        internal uint attach_flags;
        internal ulong prog_ids;
        internal uint count;
        internal uint padding;
        internal ulong prog_attach_flags;
        internal ulong link_ids;
        internal ulong link_attach_flags;
        internal ulong revision;
    }

    /// <summary>BPF_OBJ_GET_INFO_BY_FD.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct bpf_info_attr
    {
        internal uint bpf_fd;
        internal uint info_len;
        internal ulong info;
    }

    /// <summary>The first members of what that answers.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct bpf_prog_info
    {
        internal uint type;
        internal uint id;
    }

    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    internal static partial long syscall_bpf(long number, long cmd, void* attr, nuint size);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial uint if_nametoindex(string ifname);
}
