// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.ComponentModel;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Harness.Images;

/// <summary>Told by the kernel whenever somebody writes to an image, and by which process: so from which host, past everything that Hikae could say about it.</summary>
/// <remarks>All hosts of a lab write the same file of one file system, whose notices come in the order of the writes.</remarks>
public sealed partial class ImageWatch : IDisposable
{
    private const uint FAN_CLOEXEC = 0x1;
    private const uint FAN_UNLIMITED_QUEUE = 0x10;
    private const uint FAN_MARK_ADD = 0x1;
    private const ulong FAN_MODIFY = 0x2;
    private const int O_LARGEFILE = 0x8000;
    private const int O_CLOEXEC = 0x80000;
    private const int AT_FDCWD = -100;
    private const int EventBytes = 24;

    private readonly SafeFileHandle _notices;
    private readonly Thread _reader;
    private readonly ConcurrentDictionary<int, string> _hosts = new();
    private volatile bool _ends;

    // guarded by _gate
    private readonly Lock _gate = new();
    private readonly List<ImageRun> _runs = [];

    /// <summary>From now on.</summary>
    /// <param name="image">Outside path; its file is watched, by whatever path it is written.</param>
    public ImageWatch(string image)
    {
        int notices = fanotify_init(FAN_CLOEXEC | FAN_UNLIMITED_QUEUE, O_LARGEFILE | O_CLOEXEC);
        _notices = new SafeFileHandle(notices >= 0 ? notices : throw Failed("fanotify_init"), ownsHandle: true);
        if (fanotify_mark(notices, FAN_MARK_ADD, FAN_MODIFY, AT_FDCWD, image) != 0)
        {
            throw Failed("fanotify_mark");
        }

        _reader = new Thread(Read) { IsBackground = true, Name = "image watch" };
        _reader.Start();
    }

    /// <summary>The writers so far, in order; two in a row are different hosts.</summary>
    public IReadOnlyList<ImageRun> Runs
    {
        get
        {
            lock (_gate)
            {
                return [.. _runs];
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ends = true;
        _reader.Join();
        _notices.Dispose();
    }

    private static IOException Failed(string call) => new($"{call}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");

    private void Read()
    {
        byte[] bytes = new byte[4096];
        var poll = new PollFd { fd = (int)_notices.DangerousGetHandle(), events = 1 };
        while (!_ends)
        {
            if (Poll(ref poll, 1, 100) <= 0)
            {
                continue;
            }

            int length = (int)read(poll.fd, bytes, (nuint)bytes.Length);
            for (int at = 0; at + EventBytes <= length; at += BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at)))
            {
                int file = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at + 16));
                Add(HostOf(BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at + 20))));
                if (file >= 0)
                {
                    new SafeFileHandle(file, ownsHandle: true).Dispose();
                }
            }
        }
    }

    private void Add(string host)
    {
        lock (_gate)
        {
            if (_runs.Count > 0 && _runs[^1].Host == host)
            {
                _runs[^1] = _runs[^1] with { Writes = _runs[^1].Writes + 1 };
            }
            else
            {
                _runs.Add(new ImageRun(host, 1));
            }
        }
    }

    /// <summary>A process that is gone by now, and wrote nothing before, is nobody's: a test that sees that must fail.</summary>
    private string HostOf(int process)
    {
        if (!_hosts.TryGetValue(process, out string? host))
        {
            try
            {
                host = File.ReadAllText($"/proc/{process}/root/etc/hostname").Trim();
                _hosts[process] = host;
            }
            catch (IOException)
            {
                host = $"process {process}, which is gone";
            }
        }

        return host;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fanotify_init(uint flags, uint event_f_flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int fanotify_mark(int fanotify_fd, uint flags, ulong mask, int dirfd, string pathname);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint read(int fd, byte[] buf, nuint count);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(ref PollFd fds, ulong nfds, int timeout);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollFd
    {
        public int fd;
        public short events;
        public short revents;
    }
}
