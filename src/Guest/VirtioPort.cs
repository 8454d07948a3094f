// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Guest;

namespace Hikae.Guest;

/// <summary>A virtio-serial port's character device.</summary>
/// <remarks>
/// The kernel answers a read with 0 while the host end is closed, so the caller waits a while between such reads. The port stays
/// open meanwhile: each opening is an event to libvirt, and closing it would throw away what the host has just sent.
/// </remarks>
internal sealed class VirtioPort : IHostPort
{
    private const int Unbuffered = 0;

    // Not RandomAccess: it refuses a device that cannot seek.
    private readonly FileStream _device;

    private VirtioPort(FileStream device)
    {
        _device = device;
    }

    /// <summary>The device of our port. Null: the guest has no such port (yet; it can be plugged).</summary>
    internal static string? Find(GuestFiles files)
    {
        string link = Path.Combine(files.PortLinks, GuestProtocol.PortName);
        if (File.Exists(link))
        {
            return link;
        }

        // Without udev there are no links, but sysfs tells the names.
        return Directory.Exists(files.PortClass)
            ? Directory.EnumerateDirectories(files.PortClass)
                .Where(port => GuestFiles.TryReadText(Path.Combine(port, "name")).Trim() == GuestProtocol.PortName)
                .Select(port => Path.Combine(files.Devices, Path.GetFileName(port)))
                .FirstOrDefault()
            : null;
    }

    /// <summary>Null: no such port. Throws <see cref="IOException"/>: it is there but cannot be opened now (another agent has it).</summary>
    internal static VirtioPort? TryOpen(GuestFiles files) =>
        Find(files) is { } path
            ? new VirtioPort(new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, Unbuffered))
            : null;

    public int Read(Span<byte> buffer) => _device.Read(buffer);

    public void Write(ReadOnlySpan<byte> bytes) => _device.Write(bytes);

    public void Dispose() => _device.Dispose();
}
