// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Harness;
using Xunit;

namespace Hikae.Sidecar.Tests.Recovery;

/// <summary>
/// What a real QEMU needs: Debian 13's QEMU and a kernel from the lab's cache (made once, outside the tree), and an initramfs
/// whose only program counts and checks 4 MiB of random memory each time.
/// </summary>
public sealed class QemuFixture : IDisposable
{
    internal const string Machine = "pc-q35-10.0";

    private const string Init = """
        #!/bin/sh
        /bin/busybox --install -s /bin
        mount -t devtmpfs dev /dev
        dd if=/dev/urandom of=/blob bs=64k count=64 2>/dev/null
        i=0
        while :; do
            i=$((i + 1))
            echo "counter $i $(md5sum </blob | cut -c1-32)"
        done

        """;

    private readonly string _directory = Directory.CreateTempSubdirectory("hikae-qemu-").FullName;
    private readonly string _root;

    public QemuFixture()
    {
        string lab = Run(Repository.PathOf("lab", "lab"), "base").Trim();
        _root = Path.Combine(lab, "root");
        Kernel = Path.Combine(lab, "guest", "vmlinuz");
        Initramfs = PathOf("initramfs");
        MakeInitramfs(Path.Combine(lab, "guest", "busybox"));
    }

    internal string Kernel { get; }

    internal string Initramfs { get; }

    internal string PathOf(string file) => Path.Combine(_directory, file);

    /// <summary>QEMU out of another root file system: with its own loader, libraries, modules and firmware, but without chroot.</summary>
    internal ProcessStartInfo Qemu()
    {
        string libraries = Path.Combine(_root, "usr/lib/x86_64-linux-gnu");
        ProcessStartInfo start = new(Path.Combine(_root, "usr/lib64/ld-linux-x86-64.so.2"));
        foreach (string argument in new[]
        {
            "--library-path", $"{libraries}:{libraries}/pulseaudio", Path.Combine(_root, "usr/bin/qemu-system-x86_64"),
            "-L", Path.Combine(_root, "usr/share/qemu"), "-L", Path.Combine(_root, "usr/share/seabios"),
        })
        {
            start.ArgumentList.Add(argument);
        }
        start.Environment["QEMU_MODULE_DIR"] = Path.Combine(libraries, "qemu");
        return start;
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private void MakeInitramfs(string busybox)
    {
        string tree = PathOf("tree");
        Directory.CreateDirectory(Path.Combine(tree, "bin"));
        Directory.CreateDirectory(Path.Combine(tree, "dev"));
        File.Copy(busybox, Path.Combine(tree, "bin", "busybox"));
        File.CreateSymbolicLink(Path.Combine(tree, "bin", "sh"), "busybox");
        string init = Path.Combine(tree, "init");
        File.WriteAllText(init, Init);
        File.SetUnixFileMode(init, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Run("sh", "-c", $"cd {tree} && find . | cpio --quiet -o -H newc -R 0:0 > {Initramfs}");
    }

    private static string Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        return output;
    }
}
