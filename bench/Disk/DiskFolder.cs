// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Bench.Disk;

/// <summary>The image and all else that a run needs; gone when it is over, also when it was interrupted.</summary>
internal sealed class DiskFolder : IDisposable
{
    private const int ChunkBytes = 1 << 20;

    private readonly string _folder = $"/var/tmp/hikae-bench-disk-{Environment.ProcessId}";

    /// <param name="imageBytes">Written in full, so that no run pays for allocation.</param>
    public DiskFolder(long imageBytes)
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Dispose();
        Directory.CreateDirectory(_folder);
        byte[] chunk = new byte[ChunkBytes];
        Random.Shared.NextBytes(chunk);
        using FileStream image = File.Create(Image);
        for (long written = 0; written < imageBytes; written += ChunkBytes)
        {
            image.Write(chunk);
        }
        image.Flush(flushToDisk: true);
    }

    public string Image => PathOf("image.raw");

    /// <summary>On tmpfs, as a sidecar's is.</summary>
    public string Buffer { get; } = $"/dev/shm/hikae-bench-disk-{Environment.ProcessId}";

    public string Socket(string name) => PathOf($"{name}.sock");

    /// <summary>What was written so far is on the disk, and nobody has anything left to do.</summary>
    public void Settle()
    {
        Thread.Sleep(500);
        using (FileStream image = File.Open(Image, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            image.Flush(flushToDisk: true);
        }
        Thread.Sleep(500);
    }

    public void Dispose()
    {
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }
        File.Delete(Buffer);
    }

    private string PathOf(string name) => Path.Combine(_folder, name);
}
