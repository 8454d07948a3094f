// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Sidecar.Disk;
using Hikae.Sidecar.Disk.Buffer;
using Hikae.Sidecar.Disk.Content;
using Hikae.Sidecar.Disk.Images;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hikae.Sidecar.Tests.Disk;

/// <summary>A served disk over an image file of its own, with a socket that real NBD clients connect to.</summary>
internal sealed class RunningDisk : IDisposable
{
    /// <summary>Longer than anything here takes on a busy machine.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly FileImage _file;

    /// <param name="imageBytes">Of the image file, a hole.</param>
    /// <param name="maxBytes">The buffer's bound.</param>
    /// <param name="wrap">Puts a fault between the disk and its image.</param>
    /// <param name="exportBytes">As clients are told; the image's length when null.</param>
    /// <param name="reserveBytes">Room beyond the bound.</param>
    /// <param name="content">Is told what the blocks are.</param>
    public RunningDisk(
        long imageBytes = 16 << 20, long maxBytes = 64 << 20, Func<IDiskImage, IDiskImage>? wrap = null, long? exportBytes = null, long reserveBytes = 64 << 20,
        DiskContent? content = null)
    {
        ImagePath = Folder.File("disk.raw");
        using (FileStream file = File.Create(ImagePath))
        {
            file.SetLength(imageBytes);
        }

        _file = FileImage.Open(ImagePath);
        Image = wrap?.Invoke(_file) ?? _file;
        Buffer = EpochBuffer.Open(Folder.File("buffer"), maxBytes, reserveBytes);
        Disk = new ServedDisk("vda", Image, Buffer, exportBytes ?? imageBytes, NullLogger.Instance, content: content);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(SocketPath));
        listener.Listen(16);
        Disk.Serve(listener);
    }

    // Not tmpfs: the tools open the image with O_DIRECT, and holes are a file system's business.
    public TemporaryFolder Folder { get; } = new("/var/tmp");

    public string ImagePath { get; }

    public string SocketPath => Folder.File("nbd.sock");

    public string Uri => $"nbd+unix:///?socket={SocketPath}";

    public IDiskImage Image { get; }

    public EpochBuffer Buffer { get; }

    public ServedDisk Disk { get; }

    public NbdTestClient Connect(bool structured = true) => new(SocketPath, structured);

    /// <summary>What is in the image file.</summary>
    public byte[] ImageBytes(long offset, int length)
    {
        byte[] bytes = new byte[length];
        _file.Read(offset, bytes);
        return bytes;
    }

    /// <summary>The disk as it is, past the server: the buffer over the image.</summary>
    public byte[] View(int length)
    {
        byte[] disk = new byte[length];
        List<DiskRange> missing = [];
        Buffer.Read(0, disk, missing);
        foreach (DiskRange range in missing)
        {
            ImageBytes(range.Offset, (int)range.Length).CopyTo(disk, range.Offset);
        }

        return disk;
    }

    /// <summary>Writes what is buffered to the image.</summary>
    public void Drain()
    {
        Disk.PassThrough();
        Xunit.Assert.True(Disk.WaitDrained(Patience), "the disk did not drain");
    }

    public void Dispose()
    {
        Disk.Dispose();
        Buffer.Dispose();
        _file.Dispose();
        Folder.Dispose();
    }
}
