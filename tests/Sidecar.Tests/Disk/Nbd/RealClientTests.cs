// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Nbd;

/// <summary>The clients that exist, against our server.</summary>
public sealed class RealClientTests : IDisposable
{
    private readonly RunningDisk _running = new();

    public void Dispose() => _running.Dispose();

    [Fact]
    public void Nbdinfo_sees_what_we_offer()
    {
        using JsonDocument info = JsonDocument.Parse(Tool.Run("nbdinfo", "--json", _running.Uri));

        JsonElement export = info.RootElement.GetProperty("exports")[0];
        Assert.Equal("newstyle-fixed", info.RootElement.GetProperty("protocol").GetString());
        Assert.True(info.RootElement.GetProperty("structured").GetBoolean());
        Assert.Equal("vda", export.GetProperty("export-name").GetString());
        Assert.Equal(16 << 20, export.GetProperty("export-size").GetInt64());
        Assert.Equal("base:allocation", export.GetProperty("contexts")[0].GetString());
        Assert.Equal(1, export.GetProperty("block_size_minimum").GetInt64());
        Assert.Equal(32 << 20, export.GetProperty("block_size_maximum").GetInt64());
        Assert.All(["can_df", "can_flush", "can_fua", "can_multi_conn", "can_trim", "can_zero"], name => Assert.True(export.GetProperty(name).GetBoolean(), name));
        Assert.All(["is_read_only", "can_cache", "can_fast_zero"], name => Assert.False(export.GetProperty(name).GetBoolean(), name));
    }

    [Fact]
    public void Nbdinfo_lists_the_export() => Assert.Contains("export=\"vda\"", Tool.Run("nbdinfo", "--list", _running.Uri), StringComparison.Ordinal);

    [Fact]
    public void Nbdinfo_maps_buffer_over_image()
    {
        _running.Disk.Hold();
        Tool.Run("qemu-io", "-f", "raw", _running.Uri, "-c", "write 1M 1M", "-c", "write -z 1536k 64k", "-c", "write -z -u 1664k 64k", "-c", "write 4M 64k");

        JsonElement[] map = [.. JsonDocument.Parse(Tool.Run("nbdinfo", "--map", "--json", _running.Uri)).RootElement.EnumerateArray()];

        Assert.Equal(
            [
                "0+1048576 3", "1048576+524288 0", "1572864+65536 2", "1638400+65536 0", "1703936+65536 3", "1769472+327680 0", "2097152+2097152 3",
                "4194304+65536 0", "4259840+12517376 3",
            ],
            map.Select(extent => $"{extent.GetProperty("offset")}+{extent.GetProperty("length")} {extent.GetProperty("type")}"));
    }

    [Fact]
    public void Nbdcopy_brings_a_disk_in_and_out_over_four_connections()
    {
        string source = _running.Folder.File("source");
        string copy = _running.Folder.File("copy");
        File.WriteAllBytes(source, RandomBytes(16 << 20, 1 << 20, 12 << 20));
        _running.Disk.Hold();

        Tool.Run("nbdcopy", "--connections=4", "--flush", source, _running.Uri);
        Tool.Run("nbdcopy", "--connections=4", _running.Uri, copy);

        Assert.True(File.ReadAllBytes(source).AsSpan().SequenceEqual(File.ReadAllBytes(copy)));
        _running.Drain();
        Assert.True(File.ReadAllBytes(source).AsSpan().SequenceEqual(File.ReadAllBytes(_running.ImagePath)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Qemu_io_reads_what_it_wrote(bool holds)
    {
        if (holds)
        {
            _running.Disk.Hold();
        }

        string output = Tool.Run(
            "qemu-io", "-f", "raw", _running.Uri,
            "-c", "write -P 0x11 0 1M", "-c", "write -P 0x22 -f 513k 3k", "-c", "write -z 600k 20k", "-c", "write -z -u 700k 20k", "-c", "discard 800k 20k", "-c", "flush",
            "-c", "read -P 0x11 0 513k", "-c", "read -P 0x22 513k 3k", "-c", "read -P 0 600k 20k", "-c", "read -P 0 700k 20k", "-c", "read -P 0x11 720k 80k",
            "-c", "read -P 0 1M 15M", "-c", "aio_write -P 0x33 2M 1M", "-c", "aio_write -P 0x44 4M 1M", "-c", "aio_flush", "-c", "read -P 0x33 2M 1M", "-c", "read -P 0x44 4M 1M");

        Assert.DoesNotContain("verification failed", output, StringComparison.Ordinal);
        Assert.DoesNotContain("error", output, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Qemu_img_keeps_a_qcow2_image_in_an_export_larger_than_its_file()
    {
        using var running = new RunningDisk(imageBytes: 0, exportBytes: 1L << 30);
        string json = "json:" + $$"""{"driver":"qcow2","file.driver":"nbd","file.server.type":"unix","file.server.path":"{{running.SocketPath}}"}""";
        Tool.Run("qemu-img", "create", "-f", "qcow2", running.ImagePath, "64M");
        running.Disk.Hold();

        Tool.Run("qemu-io", json, "-c", "write -P 0x77 0 5M", "-c", "write -P 0x78 40M 64k", "-c", "flush");
        Assert.DoesNotContain("failed", Tool.Run("qemu-io", json, "-c", "read -P 0x77 0 5M", "-c", "read -P 0x78 40M 64k", "-c", "read -P 0 50M 1M"), StringComparison.Ordinal);
        running.Drain();

        Tool.Run("qemu-img", "check", running.ImagePath);
        Assert.DoesNotContain("failed", Tool.Run("qemu-io", "-f", "qcow2", running.ImagePath, "-c", "read -P 0x77 0 5M", "-c", "read -P 0x78 40M 64k"), StringComparison.Ordinal);
    }

    [Fact]
    public void Qemu_img_compares_and_converts()
    {
        string source = _running.Folder.File("source.qcow2");
        Tool.Run("qemu-img", "create", "-f", "qcow2", source, "16M");
        Tool.Run("qemu-io", source, "-c", "write -P 9 3M 2M");

        Tool.Run("qemu-img", "convert", "-n", "-O", "raw", source, _running.Uri);

        Assert.Contains("identical", Tool.Run("qemu-img", "compare", "-F", "raw", source, _running.Uri), StringComparison.Ordinal);
    }

    [Fact]
    public void Fio_verifies_what_it_wrote_at_queue_depth_16()
    {
        _running.Disk.Hold();

        string output = Tool.Run(
            "fio", "--name=verify", "--ioengine=nbd", $"--uri={_running.Uri}", "--rw=randwrite", "--bsrange=512-32k", "--blockalign=512", "--size=8m", "--iodepth=16",
            "--verify=crc32c", "--do_verify=1", "--randseed=7", "--fsync=50");

        Assert.Contains("err= 0", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Nbdsh_gets_the_errors_that_the_protocol_names()
    {
        string script = _running.Folder.File("errors.py");
        File.WriteAllText(script, """
            import errno
            h.set_strict_mode(0)
            h.add_meta_context("base:allocation")
            h.connect_uri(uri)
            size = h.get_size()
            def fails(code, call):
                try:
                    call()
                except nbd.Error as error:
                    assert error.errnum == code, (error.errnum, code)
                else:
                    raise AssertionError("no error")
            fails(errno.EINVAL, lambda: h.pread(1, size))
            fails(errno.EINVAL, lambda: h.pread(512, size - 1))
            fails(errno.ENOSPC, lambda: h.pwrite(b"x", size))
            fails(errno.ENOSPC, lambda: h.pwrite(b"x" * 1024, size - 1))
            fails(errno.ENOSPC, lambda: h.zero(4096, size))
            fails(errno.EINVAL, lambda: h.trim(4096, size - 512))
            fails(errno.EINVAL, lambda: h.block_status(4096, size, lambda *a: 0))
            fails(errno.EINVAL, lambda: h.cache(4096, 0))
            fails(errno.EINVAL, lambda: h.zero(4096, 0, nbd.CMD_FLAG_FAST_ZERO))
            fails(errno.EINVAL, lambda: h.pread(0, 0))
            h.pwrite(b"ok" * 256, 0, nbd.CMD_FLAG_FUA)
            assert h.pread(512, 0, nbd.CMD_FLAG_DF) == b"ok" * 256
            h.zero(256, 0, nbd.CMD_FLAG_NO_HOLE | nbd.CMD_FLAG_FUA)
            h.trim(256, 256, nbd.CMD_FLAG_FUA)
            h.flush()
            extents = []
            h.block_status(size, 0, lambda context, offset, entries, error: extents.append((context, list(entries))) or 0, nbd.CMD_FLAG_REQ_ONE)
            assert extents[0][0] == "base:allocation" and extents[0][1] == [4096, 0], extents
            """);

        Tool.Run("nbdsh", "-c", $"uri = '{_running.Uri}'", "-c", $"exec(open('{script}').read())");
    }

    [Fact]
    public void Nbdsh_may_do_without_structured_replies_and_without_options()
    {
        string script = _running.Folder.File("simple.py");
        File.WriteAllText(script, """
            h.set_request_structured_replies(False)
            h.set_handshake_flags(0)
            h.connect_uri(uri)
            assert not h.get_structured_replies_negotiated()
            h.pwrite(b"simple" * 100, 1000)
            assert h.pread(600, 1000) == b"simple" * 100
            h.shutdown()
            wrong = nbd.NBD()
            wrong.set_export_name("another")
            try:
                wrong.connect_unix(uri.split('=', 1)[1])
            except nbd.Error:
                pass
            else:
                raise AssertionError("an export that is not there")
            """);

        Tool.Run("nbdsh", "-c", $"uri = '{_running.Uri}'", "-c", $"exec(open('{script}').read())");
    }

    private static byte[] RandomBytes(int length, int from, int to)
    {
        byte[] bytes = new byte[length];
        new Random(5).NextBytes(bytes.AsSpan(from, to - from));
        return bytes;
    }
}
