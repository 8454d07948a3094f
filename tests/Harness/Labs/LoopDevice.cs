// SPDX-License-Identifier: LGPL-2.1-or-later
using Xunit;

namespace Hikae.Harness.Labs;

/// <summary>A block device of the lab's shared storage, which every host finds under the same path. It is there until it is disposed of.</summary>
public sealed class LoopDevice : IDisposable
{
    private readonly Lab _lab;

    /// <summary>Skips the test where the machine has no loop device to give.</summary>
    /// <param name="lab">Its first host must be running.</param>
    /// <param name="name">Of the node; no other device of the lab has it.</param>
    /// <param name="size">For instance 16M.</param>
    public LoopDevice(Lab lab, string name, string size)
    {
        ArgumentNullException.ThrowIfNull(lab);
        Requires.Command("losetup");
        _lab = lab;
        Path = $"/srv/shared/{name}";
        // Nodes of our own: libvirt changes their owner, and the machine's /dev is not ours.
        CommandResult attached = lab.HostA.TryRun(
            "bash",
            "-c",
            $"""
            truncate -s {size} {Path}.raw
            for minor in 7 6 5 4 3 2 1 0; do
                rm -f {Path} && mknod {Path} b 7 $minor && losetup {Path} {Path}.raw && exit
            done
            exit 1
            """);
        Assert.SkipUnless(attached.Succeeded, "needs a loop device");
    }

    /// <summary>On each host.</summary>
    public string Path { get; }

    /// <summary>A domain's XML with this device in the place of an image of its own.</summary>
    /// <param name="xml">Of the domain.</param>
    /// <param name="image">The file's name in the guest's folder, for instance data2.raw.</param>
    public string InPlaceOf(string image, string xml)
    {
        ArgumentNullException.ThrowIfNull(xml);
        string[] parts = xml.Split("<disk type='file' device='disk'>");
        int disk = Array.FindIndex(parts, part => part.Contains($"/{image}'/>", StringComparison.Ordinal));
        string source = parts[disk].Split('\n').Single(line => line.Contains("<source file=", StringComparison.Ordinal));
        parts[disk] = parts[disk].Replace(source, $"<source dev='{Path}'/>", StringComparison.Ordinal);
        return string.Join("<disk type='file' device='disk'>", parts[..disk]) + "<disk type='block' device='disk'>" + string.Join("<disk type='file' device='disk'>", parts[disk..]);
    }

    /// <inheritdoc/>
    public void Dispose() => _lab.Hosts.First(host => host.IsRunning).TryRun("losetup", "--detach", Path);
}
