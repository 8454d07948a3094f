// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Hikae.Harness;
using Hikae.Native.Linux;
using Xunit;

namespace Hikae.Native.Tests.LinuxTests;

/// <summary>Every constant and every struct we share with the kernel and the C library, as the C compiler reads them from the headers.</summary>
public sealed class HeaderTests
{
    private static readonly string[] Headers =
    [
        "errno.h", "fcntl.h", "poll.h", "sched.h", "signal.h", "time.h", "sys/ioctl.h", "sys/mman.h", "sys/ptrace.h", "sys/resource.h", "sys/socket.h", "sys/syscall.h", "sys/uio.h",
        "sys/user.h", "unistd.h", "linux/bpf.h", "linux/fs.h", "linux/ioprio.h", "linux/perf_event.h", "linux/userfaultfd.h",
    ];

    // What came with Linux 6.6 and 6.7; Debian 12's own headers are from 6.1.
    private static readonly string[] NewNames =
    [
        "PAGEMAP_SCAN", "PAGE_IS_WRITTEN", "PM_SCAN_WP_MATCHING", "PM_SCAN_CHECK_WPASYNC", "UFFD_FEATURE_WP_UNPOPULATED", "UFFD_FEATURE_WP_ASYNC",
        "BPF_TCX_INGRESS", "TCX_NEXT", "TCX_DROP", "BPF_F_BEFORE", "BPF_F_AFTER", "BPF_F_ID",
    ];

    [Fact]
    public void Every_constant_is_the_C_compilers()
    {
        Dictionary<string, long> ours = Constants(name => !NewNames.Contains(name));

        Assert.True(ours.Count > 50);
        Assert.Equal(ours.OrderBy(pair => pair.Key), CProgram.Evaluate(Headers, ours.Keys).OrderBy(pair => pair.Key));
    }

    [Fact]
    public void Every_struct_has_the_C_compilers_size_and_offsets()
    {
        var ours = new Dictionary<string, long>();
        foreach (Type type in typeof(Syscall).GetNestedTypes(BindingFlags.NonPublic).Where(type => type != typeof(Syscall.pm_scan_arg) && !IsPart(type)))
        {
            AddLayout(ours, type, type == typeof(Syscall.siginfo_t) ? "siginfo_t" : $"struct {type.Name}", name => name);
        }

        ours["sizeof(struct iovec) "] = Unsafe.SizeOf<MemoryRange>();
        ours["CMSG_LEN(5)"] = Syscall.CMSG_LEN(5);
        ours["CMSG_SPACE(5)"] = Syscall.CMSG_SPACE(5);

        Assert.True(ours.Count > 60);
        Assert.Equal(ours.OrderBy(pair => pair.Key), CProgram.Evaluate(Headers, ours.Keys).OrderBy(pair => pair.Key));
    }

    [Fact]
    public void What_came_with_Linux_6_7_is_as_in_Debian_13s_headers()
    {
        string folder = Repository.PathOf("artifacts", "linux-headers");
        FetchHeaders(folder);
        Dictionary<string, long> ours = Constants(NewNames.Contains);
        AddLayout(ours, typeof(Syscall.pm_scan_arg), "struct pm_scan_arg", name => name);
        foreach (Type part in typeof(Syscall).GetNestedTypes(BindingFlags.NonPublic).Where(IsPart))
        {
            AddPart(ours, part);
        }
        AddLayout(ours, typeof(PageRegion), "struct page_region", name => name[(name.IndexOf('<') + 1)..name.IndexOf('>')].ToLowerInvariant());

        IReadOnlyDictionary<string, long> theirs = CProgram.Evaluate(
            ["sys/ioctl.h", "linux/bpf.h", "linux/fs.h", "linux/perf_event.h", "linux/userfaultfd.h"], ours.Keys, "-I", folder, "-I", Path.Combine(folder, "x86_64-linux-gnu"));

        Assert.Equal(78, ours.Count);
        Assert.Equal(ours.OrderBy(pair => pair.Key), theirs.OrderBy(pair => pair.Key));
    }

    private static void FetchHeaders(string folder)
    {
        if (Directory.Exists(folder))
        {
            return;
        }

        Requires.Command("apt-get");
        using Process fetch = Process.Start(new ProcessStartInfo(Repository.PathOf("tests", "Harness", "linux-headers"), [folder])
        {
            RedirectStandardError = true,
        })!;
        string errors = fetch.StandardError.ReadToEnd();
        fetch.WaitForExit();
        Assert.SkipUnless(fetch.ExitCode == 0, $"needs Debian 13's linux-libc-dev: {errors}");
    }

    private static Dictionary<string, long> Constants(Func<string, bool> isWanted) =>
        typeof(Syscall).GetFields(BindingFlags.Static | BindingFlags.NonPublic)
            .Where(field => (field.IsLiteral || field.IsInitOnly) && field.FieldType != typeof(string) && isWanted(field.Name))
            .ToDictionary(field => field.Name, field => Convert.ToInt64(field.GetValue(null) switch
            {
                nint value => value,
                nuint value => (ulong)value,
                object value => value,
                null => throw new InvalidOperationException(field.Name),
            }, CultureInfo.InvariantCulture));

    /// <summary>The structs for linux/bpf.h and linux/perf_event.h are the first members of something larger.</summary>
    private static bool IsPart(Type type) => type.Name.StartsWith("bpf_", StringComparison.Ordinal) || type == typeof(Syscall.perf_event_attr);

    private static void AddPart(Dictionary<string, long> ours, Type type)
    {
        (string native, string member) = type.Name switch
        {
            nameof(Syscall.perf_event_attr) => ("struct perf_event_attr", ""),
            nameof(Syscall.bpf_prog_info) => ("struct bpf_prog_info", ""),
            nameof(Syscall.bpf_info_attr) => ("union bpf_attr", "info."),
            nameof(Syscall.bpf_query_attr) => ("union bpf_attr", "query."),
            _ => ("union bpf_attr", ""),
        };
        foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.NonPublic).Where(field => field.Name != "padding"))
        {
            ours[$"offsetof({native}, {member}{field.Name})"] = Marshal.OffsetOf(type, field.Name);
        }
    }

    private static void AddLayout(Dictionary<string, long> ours, Type type, string native, Func<string, string> nativeName)
    {
        ours[$"sizeof({native})"] = Marshal.SizeOf(type);
        foreach (FieldInfo field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
        {
            ours[$"offsetof({native}, {nativeName(field.Name)})"] = Marshal.OffsetOf(type, field.Name);
        }
    }
}
