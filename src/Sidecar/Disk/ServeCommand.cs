// SPDX-License-Identifier: LGPL-2.1-or-later
using System.CommandLine;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Hikae.Native.Linux;
using Hikae.Sidecar.Disk.Buffer;
using Hikae.Sidecar.Disk.Content;
using Hikae.Sidecar.Disk.Images;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Disk;

/// <summary>hikae-sidecar serve: one image served as a protected guest's disk would be, without a guest and without a backup. For tests and benchmarks.</summary>
internal static class ServeCommand
{
    private const int Failed = 1;

    private static readonly TimeSpan DrainPatience = TimeSpan.FromMinutes(5);

    public static Command Build()
    {
        var image = new Argument<string>("IMAGE") { Description = "file or block device to serve" };
        var socket = new Option<string>("--socket") { Description = "unix socket to listen on", Required = true };
        var buffer = new Option<string>("--buffer") { Description = "file of the write buffer, on tmpfs", Required = true };
        var bound = new Option<long>("--buffer-bytes") { Description = "bound of the write buffer", DefaultValueFactory = _ => BufferLimits.DefaultMaxBytes };
        var size = new Option<long?>("--size") { Description = "bytes that clients are told (default: the image's)" };
        var format = new Option<string?>("--lock") { Description = "hold QEMU's locks for this format: raw or qcow2" };
        var epoch = new Option<int?>("--epoch-ms") { Description = "hold writes, and seal and commit an epoch this often; 0: never commit. Without it writes pass through" };
        var index = new Option<int?>("--index-mib") { Description = "learn what the blocks are, in so many MiB; nobody asks" };
        var command = new Command("serve", "Serves an image over NBD as a guest's disk is served. For tests and benchmarks.")
        {
            image, socket, buffer, bound, size, format, epoch, index,
        };
        command.SetAction(parsed =>
        {
            using ILoggerFactory loggers = LoggerFactory.Create(builder => builder.AddSimpleConsole(console => console.SingleLine = true));
            try
            {
                using FileImage file = FileImage.Open(parsed.GetValue(image)!);
                using EpochBuffer writes = EpochBuffer.Open(parsed.GetValue(buffer)!, parsed.GetValue(bound));
                if (parsed.GetValue(format) is { } known)
                {
                    file.Lock(known);
                }

                using ContentIndex? content = parsed.GetValue(index) is int mib and > 0 ? new ContentIndex((long)mib << 20) : null;
                using var disk = new ServedDisk(
                    Path.GetFileName(parsed.GetValue(image)!),
                    file,
                    writes,
                    parsed.GetValue(size) ?? file.LengthBytes,
                    loggers.CreateLogger("hikae-sidecar"),
                    content: content?.AddDisk());
                return Run(disk, writes, parsed.GetValue(socket)!, parsed.GetValue(epoch));
            }
            catch (Exception error) when (error is IOException or LinuxException or SocketException or DamagedBufferException or ArgumentException)
            {
                Console.Error.WriteLine($"hikae-sidecar: {error.Message}");
                return Failed;
            }
        });
        return command;
    }

    private static int Run(ServedDisk disk, EpochBuffer writes, string socket, int? epochMs)
    {
        using var stop = new ManualResetEventSlim();
        using var wanted = new AutoResetEvent(false);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            stop.Set();
        });
        disk.CheckpointWanted += () => wanted.Set();
        if (epochMs is null)
        {
            disk.PassThrough();
        }
        else if (disk.Mode is DiskMode.PassThrough)
        {
            disk.Hold();
        }

        File.Delete(socket);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(socket));
        listener.Listen(16);
        disk.Serve(listener);
        Console.Out.WriteLine("ready");

        // As a backup would that answers at once; clients are not stopped, so an epoch is a moment's writes, not a checkpoint.
        ulong epoch = writes.LastSealed;
        while (!stop.IsSet)
        {
            int turn = WaitHandle.WaitAny([stop.WaitHandle, wanted], epochMs is > 0 ? epochMs.Value : Timeout.Infinite);
            if (turn != 0 && epochMs is > 0)
            {
                epoch++;
                disk.PrepareSeal();
                disk.Seal(epoch);
                disk.Commit(epoch);
            }
        }

        disk.PassThrough();
        return disk.WaitDrained(DrainPatience) ? 0 : Failed;
    }
}
