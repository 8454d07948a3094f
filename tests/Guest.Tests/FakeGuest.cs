// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.InteropServices;

namespace Hikae.Guest.Tests;

/// <summary>The files of a made-up guest in a folder of its own.</summary>
internal sealed class FakeGuest : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("hikae-guest-").FullName;

    internal FakeGuest()
    {
        Write("proc/sys/kernel/osrelease", "6.1.0-test\n");
        Write("proc/cmdline", "quiet\n");
        Write("boot/config-6.1.0-test", "CONFIG_PROC_PAGE_MONITOR=y\n");
    }

    internal GuestFiles Files => new(_root);

    internal void Write(string path, string text) => File.WriteAllText(Prepare(path), text);

    internal void WriteFlags(ReadOnlySpan<ulong> flags) => File.WriteAllBytes(Prepare("proc/kpageflags"), MemoryMarshal.AsBytes(flags));

    internal void Delete(string path) => File.Delete(Path.Combine(_root, path));

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private string Prepare(string path)
    {
        string full = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        return full;
    }
}
