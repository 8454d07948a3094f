// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Sidecar.Disk.Images;
using Hikae.Sidecar.Tests.Disk.Nbd;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Images;

public sealed class FileImageTests : IDisposable
{
    private readonly TemporaryFolder _folder = new("/var/tmp");
    private readonly string _path;

    public FileImageTests()
    {
        _path = _folder.File("image");
        File.WriteAllBytes(_path, [.. Enumerable.Repeat((byte)9, 1 << 20)]);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Past_its_end_an_image_reads_as_zeros_and_grows_when_written()
    {
        using FileImage image = FileImage.Open(_path);
        byte[] read = new byte[8192];

        image.Read((1 << 20) - 4096, read);
        Assert.Equal([.. Enumerable.Repeat((byte)9, 4096), .. new byte[4096]], read);
        Assert.True(image.TryReadCached((1 << 20) - 4096, read));
        Assert.Equal([.. Enumerable.Repeat((byte)9, 4096), .. new byte[4096]], read);
        image.Write((1 << 20) + 4096, [1]);

        Assert.Equal((1 << 20) + 4097, image.LengthBytes);
        image.WriteZeroes(2 << 20, 4096, mayUnmap: true);
        Assert.Equal((2 << 20) + 4096, image.LengthBytes);
        image.WriteZeroes(3 << 20, 4096, mayUnmap: false);
        Assert.Equal((3 << 20) + 4096, image.LengthBytes);
        image.Trim(8 << 20, 4096);
        Assert.Equal((3 << 20) + 4096, image.LengthBytes);
    }

    [Fact]
    public void An_image_that_was_deleted_or_replaced_is_known_not_to_be_at_its_path()
    {
        using FileImage image = FileImage.Open(_path);
        Assert.True(image.IsStillAt(_path));

        File.Move(_path, _path + ".old");
        Assert.False(image.IsStillAt(_path));
        File.WriteAllBytes(_path, [9]);

        Assert.False(image.IsStillAt(_path));
        Assert.True(image.IsStillAt(_path + ".old"));
    }

    [Fact]
    public void Trim_and_zeros_free_space_unless_it_must_stay()
    {
        using FileImage image = FileImage.Open(_path);
        image.Flush();
        byte[] read = new byte[65536];

        image.Trim(0, 65536);
        image.WriteZeroes(65536, 65536, mayUnmap: true);
        image.WriteZeroes(131072, 65536, mayUnmap: false);
        image.Flush();

        // Some file systems call space that is there but holds zeros a hole, too.
        Assert.InRange(image.Extent(0, 1 << 20).Length, 131072, 196608);
        Assert.Equal(0, Mono.Unix.Native.Syscall.stat(_path, out Mono.Unix.Native.Stat stat));
        Assert.Equal((1 << 20) - 131072, stat.st_blocks * 512);
        Assert.All([0, 65536, 131072], offset =>
        {
            image.Read(offset, read);
            Assert.Equal(-1, read.AsSpan().IndexOfAnyExcept((byte)0));
        });
        image.Read(196608, read);
        Assert.Equal(9, read[0]);
        Assert.Equal((4096, true), image.Extent(1 << 20, 4096));
    }

    [Fact]
    public async Task An_extent_is_never_empty_while_somebody_punches_holes()
    {
        using FileImage image = FileImage.Open(_path);
        Task puncher = Task.Run(() =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                image.Write(0, new byte[4096]);
                image.Trim(0, 4096);
            }
        }, TestContext.Current.CancellationToken);

        long shortest = long.MaxValue;
        while (!puncher.IsCompleted)
        {
            shortest = Math.Min(shortest, image.Extent(0, 1 << 20).Length);
        }
        await puncher;

        Assert.Equal(4096, shortest);
    }

    [Theory]
    [InlineData("raw")]
    [InlineData("qcow2")]
    public void While_it_is_locked_no_other_program_writes_it(string format)
    {
        using FileImage image = FileImage.Open(_path);
        if (format == "qcow2")
        {
            Tool.Run("qemu-img", "create", "-f", "qcow2", _path, "1M");
        }

        image.Lock(format);
        (int status, _, string errors) = Tool.Try("qemu-io", "-f", format, _path, "-c", "write 0 4k");
        image.Unlock();

        Assert.NotEqual(0, status);
        Assert.Contains("lock", errors, StringComparison.Ordinal);
        Tool.Run("qemu-io", "-f", format, _path, "-c", "write 0 4k");
    }

    [Fact]
    public void What_was_dropped_from_the_page_cache_is_read_again()
    {
        using FileImage image = FileImage.Open(_path, dropCache: true);
        byte[] read = new byte[4096];

        image.Read(8192, read);

        Assert.Equal(9, read[0]);
    }

    [Fact]
    public void A_block_device_is_served_like_a_file()
    {
        Hikae.Harness.Requires.Root();
        (int status, string output, string errors) = Tool.Try("losetup", "--find", "--show", _path);
        Assert.SkipUnless(status == 0, $"needs a loop device: {errors}");
        string device = output.Trim();
        try
        {
            using FileImage image = FileImage.Open(device);
            byte[] read = new byte[8192];

            Assert.Equal(1 << 20, image.LengthBytes);
            image.Write(0, [.. Enumerable.Repeat((byte)3, 12288)]);
            image.WriteZeroes(4096, 4096, mayUnmap: true);
            image.WriteZeroes(9000, 100, mayUnmap: false);
            image.Trim(524288, 65536);
            image.Flush();
            image.Read(0, read);

            Assert.Equal([.. Enumerable.Repeat((byte)3, 4096), .. new byte[4096]], read);
            Assert.Throws<Hikae.Native.Linux.LinuxException>(() => image.Write(1 << 20, [1]));
            Assert.Equal((1 << 20, false), image.Extent(0, 1 << 20));
        }
        finally
        {
            Tool.Run("losetup", "--detach", device);
        }
    }
}
