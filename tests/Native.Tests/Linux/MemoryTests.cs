// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using System.Text;
using Hikae.Native.Linux;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Hikae.Native.Tests.LinuxTests;

public sealed class MemoryTests
{
    private const string WriterVariable = "HIKAE_TEST_MAPPED_FILE";

    [Fact]
    public void A_memory_file_is_written_through_a_write_only_descriptor_and_read_at_any_place()
    {
        using MemoryFile file = MemoryFile.Create("device-state");
        using SafeFileHandle writer = file.OpenWriteOnly();
        using var stream = new FileStream(writer, FileAccess.Write, bufferSize: 0);
        stream.Write("0123456789"u8);
        byte[] read = new byte[8];

        Assert.Equal(10, file.LengthBytes);
        Assert.Equal(6, file.Read(4, read));
        Assert.Equal("456789"u8, read.AsSpan(0, 6));
        Assert.EndsWith("memfd:device-state (deleted)", new FileInfo($"/proc/self/fd/{file.Handle.DangerousGetHandle()}").LinkTarget, StringComparison.Ordinal);
    }

    [Fact]
    public void A_write_only_descriptor_is_what_its_name_says()
    {
        using MemoryFile file = MemoryFile.Create("device-state");
        using SafeFileHandle writer = file.OpenWriteOnly();

        string info = File.ReadAllText($"/proc/self/fdinfo/{writer.DangerousGetHandle()}");

        // O_WRONLY | O_CLOEXEC | O_LARGEFILE, octal.
        Assert.Contains("flags:\t02100001\n", info, StringComparison.Ordinal);
    }

    [Fact]
    public void A_memory_file_is_filled_again_after_truncate_and_rewind()
    {
        using MemoryFile file = MemoryFile.Create("device-state");
        using SafeFileHandle writer = file.OpenWriteOnly();
        using SafeFileHandle duplicate = Duplicate(writer);
        WriteAtPosition(duplicate, "the first and longer one");

        file.Truncate();
        MemoryFile.Rewind(writer);
        WriteAtPosition(duplicate, "the second");

        byte[] read = new byte[100];
        Assert.Equal(10, file.Read(0, read));
        Assert.Equal("the second"u8, read.AsSpan(0, 10));
    }

    [Fact]
    public void Memory_costs_nothing_until_touched_and_is_given_back_by_discard()
    {
        const int Touched = 32 * 1024 * 1024;
        using var memory = new AnonymousMemory(64L * 1024 * 1024 * 1024);
        long atFirst = ProportionalBytes(memory);

        memory.Slice(1L << 32, Touched).Fill(1);
        long full = ProportionalBytes(memory);
        memory.Discard(1L << 32, Touched - 4096);
        long discarded = ProportionalBytes(memory);

        Assert.Equal(0, atFirst);
        Assert.Equal(Touched, full);
        Assert.Equal(4096, discarded);
        Assert.Equal(0, memory.Slice(1L << 32, 1)[0]);
        Assert.Equal(1, memory.Slice((1L << 32) + Touched - 1, 1)[0]);
    }

    [Fact]
    public void One_touched_page_costs_one_page()
    {
        using var memory = new AnonymousMemory(64 * 1024 * 1024);

        for (int i = 0; i < 16; i++)
        {
            memory.Slice(i * 4L * 1024 * 1024, 1)[0] = 1;
        }

        Assert.Equal(16 * 4096, ProportionalBytes(memory));
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 8193)]
    [InlineData(8192, 1)]
    [InlineData(long.MaxValue, 2)]
    public void What_lies_outside_the_memory_is_refused(long offset, int lengthBytes)
    {
        using var memory = new AnonymousMemory(8192);

        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Slice(offset, lengthBytes).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => memory.Discard(offset, lengthBytes));
    }

    [Fact]
    public void Only_whole_pages_are_discarded()
    {
        using var memory = new AnonymousMemory(8192);

        Assert.Throws<ArgumentException>(() => memory.Discard(1, 4096));
        Assert.Throws<ArgumentException>(() => memory.Discard(0, 4095));
    }

    [Fact]
    public void Disposed_memory_is_not_handed_out()
    {
        var memory = new AnonymousMemory(8192);
        memory.Dispose();
        memory.Dispose();

        Assert.Throws<ObjectDisposedException>(() => memory.Slice(0, 1).Length);
    }

    [Fact]
    public void A_mapped_file_is_there_after_its_writer_was_killed()
    {
        string path = Path.Combine(Path.GetTempPath(), $"hikae-mapped-{Guid.NewGuid()}");
        try
        {
            var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
            if (Path.GetFileName(Environment.ProcessPath) == "dotnet")
            {
                start.ArgumentList.Add(typeof(MemoryTests).Assembly.Location);
            }

            foreach (string argument in (string[])["--explicit", "only", "--filter-method", $"*.{nameof(Writer_that_is_killed)}"])
            {
                start.ArgumentList.Add(argument);
            }

            start.Environment[WriterVariable] = path;
            using Process writer = Process.Start(start)!;
            string output = writer.StandardOutput.ReadToEnd();
            writer.WaitForExit();

            Assert.True(writer.ExitCode == 128 + 9, output);
            using MappedFile file = MappedFile.OpenOrCreate(path, 8192);
            Assert.Equal("written"u8, file.Span[..7]);
            Assert.Equal(0x5a, file.Span[8191]);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, Mode(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    /// <summary>Not a test: the process that <see cref="A_mapped_file_is_there_after_its_writer_was_killed"/> starts.</summary>
    [Fact(Explicit = true)]
    public void Writer_that_is_killed()
    {
        MappedFile file = MappedFile.OpenOrCreate(Environment.GetEnvironmentVariable(WriterVariable)!, 8192);
        "written"u8.CopyTo(file.Span);
        file.Span[8191] = 0x5a;
        using PidFd self = PidFd.Open(Environment.ProcessId);
        self.Kill(9);
    }

    [Fact]
    public void A_mapped_file_takes_over_what_exists_and_only_its_owner_may_read_it()
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllText(path, new string('x', 10_000));
            File.SetUnixFileMode(path, (UnixFileMode)0x1ff);

            using MappedFile file = MappedFile.OpenOrCreate(path, 4096);

            Assert.Equal((byte)'x', file.Span[4095]);
            Assert.Equal(4096, new FileInfo(path).Length);
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, Mode(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void A_mapped_file_does_not_follow_a_symbolic_link()
    {
        string link = Path.Combine(Path.GetTempPath(), $"hikae-link-{Guid.NewGuid()}");
        File.CreateSymbolicLink(link, "/dev/null");
        try
        {
            LinuxException e = Assert.Throws<LinuxException>(() => MappedFile.OpenOrCreate(link, 4096));
            Assert.Equal(40, e.Errno); // ELOOP
        }
        finally
        {
            File.Delete(link);
        }
    }

    private static UnixFileMode Mode(string path) => File.GetUnixFileMode(path);

    private static SafeFileHandle Duplicate(SafeFileHandle handle)
    {
        using PidFd self = PidFd.Open(Environment.ProcessId);
        return self.GetDescriptor((int)handle.DangerousGetHandle());
    }

    // FileStream and RandomAccess keep positions of their own; write(2) moves the shared one, as QEMU does.
    private static unsafe void WriteAtPosition(SafeFileHandle handle, string text)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(text);
        fixed (byte* start = bytes)
        {
            Assert.Equal(bytes.Length, Mono.Unix.Native.Syscall.write((int)handle.DangerousGetHandle(), start, (ulong)bytes.Length));
        }
    }

    private static long ProportionalBytes(AnonymousMemory memory)
    {
        ulong address = AddressOf(memory);
        string[] lines = File.ReadAllLines("/proc/self/smaps");
        int at = Array.FindIndex(lines, line => Contains(line, address));
        string pss = lines.Skip(at).First(line => line.StartsWith("Pss:", StringComparison.Ordinal));
        return long.Parse(pss.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }

    private static unsafe ulong AddressOf(AnonymousMemory memory)
    {
        fixed (byte* start = memory.Slice(0, 1))
        {
            return (ulong)start;
        }
    }

    private static bool Contains(string line, ulong address)
    {
        string[] ends = line.Split(' ')[0].Split('-');
        return ends.Length == 2
            && ulong.TryParse(ends[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong start)
            && ulong.TryParse(ends[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong end)
            && start <= address
            && address < end;
    }
}
