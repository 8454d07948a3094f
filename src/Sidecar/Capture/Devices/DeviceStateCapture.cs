// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Hikae.Native.Linux;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Capture;

/// <summary>Takes QEMU's device state, and makes the guest stand still while it does.</summary>
/// <remarks>
/// Theory of operation. QMP <c>xen-save-devices-state</c> needs no Xen. It stops the guest if it runs, writes the state, and lets the guest
/// go on if it ran (QEMU migration/savevm.c, qmp_xen_save_devices_state). It writes into a pipe which holds less than the state, so QEMU waits in write(2),
/// with the guest stopped and its disks drained, until the pipe is read: that is when the line is drawn. A reader that dies closes the pipe, QEMU's write
/// fails, and the guest goes on at once.
///
/// Invariant: what was drawn while the guest stood still is believed only if QEMU had more to write at its end than fits into the pipe. Until then
/// nothing is read, so this is known for certain afterwards.
///
/// QEMU truncates what it finds as /dev/fdset/N, which a pipe refuses; so QEMU opens the passed descriptor again by its number, as
/// /proc/self/fd/N, where a pipe is not truncated. An anonymous pipe never makes its opener wait, not even when its reader has died.
/// <c>live</c> must be false: otherwise QEMU gives up the images of a guest that was stopped before.
/// libvirt closes descriptor sets nobody uses when its monitor disconnects (libvirtd restart): then the descriptor is passed again.
/// </remarks>
internal sealed class DeviceStateCapture : IDisposable
{
    // be32 magic "QEVM" and be32 version 3: the stream that recovery writes has its own.
    private const int StreamHeadBytes = 8;

    // The smallest state seen is 100 KB; one page is the smallest pipe.
    private const int SmallestPipeBytes = 4096;

    // So that QEMU need not wait again once the line is drawn. Default of /proc/sys/fs/pipe-max-size.
    private const int LargestPipeBytes = 1 << 20;

    // QEMU serialises into the pipe while the line is drawn, so the larger the better; a quarter leaves room for devices that are pulled out.
    private const int StateShare = 4;

    private static readonly TimeSpan DrainPoll = TimeSpan.FromSeconds(1);

    private readonly MonitorCall _call;
    private readonly QemuMonitor _monitor;
    private readonly int _qemuPid;
    private readonly IoThreads _ioThreads;
    private Pipe? _pipe;
    private long _fdset = -1;
    private long _descriptor = -1;
    private int _capacity;
    private byte[] _state = GC.AllocateUninitializedArray<byte>(256 * 1024);
    private int _length;

    /// <param name="monitor">The guest's monitor.</param>
    /// <param name="qemuPid">Its QEMU.</param>
    public DeviceStateCapture(QemuMonitor monitor, int qemuPid, IoThreads ioThreads)
    {
        _ioThreads = ioThreads;
        _monitor = monitor;
        _qemuPid = qemuPid;
        _call = new MonitorCall(monitor);
    }

    /// <summary>Takes the device state; calls <paramref name="seal"/> once while the guest stands still, and returns what it said.</summary>
    /// <exception cref="QemuMonitorException">QEMU refused; <paramref name="seal"/> may have been called, and what it drew counts for nothing.</exception>
    /// <exception cref="OperationCanceledException">The same, for want of an answer: a QEMU that comes back finds the pipe closed and lets the guest go on.</exception>
    public bool Save(PauseTimings pause, Func<bool> seal, CancellationToken cancellationToken)
    {
        // A number that came to mean another file would have that file truncated.
        if (_pipe is null || !_pipe.IsWriteEndIn(_qemuPid, _descriptor))
        {
            Abandon();
            PassDescriptor();
        }
        try
        {
            try
            {
                return SaveOnce(pause, seal, cancellationToken);
            }
            catch (QemuMonitorException error) when (IsDescriptorGone(error))
            {
                Abandon();
                PassDescriptor();
                return SaveOnce(pause, seal, cancellationToken);
            }
        }
        catch (Exception error)
        {
            // QEMU may be waiting for a reader: without one it goes on.
            AbandonPipe();
            if (error is OperationCanceledException)
            {
                // A QEMU that does not answer must not keep the session from its end.
                Task.Factory.StartNew(Detach, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }
            else
            {
                Detach();
            }
            throw;
        }
    }

    /// <summary>What was saved last, without the stream's head: sections, ended by a zero byte. Valid until the next save.</summary>
    public ReadOnlySpan<byte> Saved => _length > StreamHeadBytes
        ? _state.AsSpan(StreamHeadBytes, _length - StreamHeadBytes)
        : throw new QemuMonitorException(Command, $"only {_length} bytes of device state");

    /// <summary>Takes the descriptor away from QEMU. Errors are of no consequence: QEMU may be gone.</summary>
    public void Detach()
    {
        if (Interlocked.Exchange(ref _fdset, -1) is var fdset and >= 0)
        {
            try
            {
                _monitor.Execute("remove-fd", writer => writer.WriteNumber("fdset-id", fdset));
            }
            catch (Exception error) when (error is QemuMonitorException or NotProtectableException or Native.Libvirt.LibvirtException or ObjectDisposedException)
            {
                // Nothing is left to take away, or nobody to take it from.
            }
        }
    }

    public void Dispose()
    {
        _call.Dispose();
        _pipe?.Dispose();
    }

    private const string Command = "xen-save-devices-state";

    private static bool IsDescriptorGone(QemuMonitorException error) =>
        error.Detail.Contains("fdset", StringComparison.Ordinal)
        || error.Detail.Contains("file descriptor", StringComparison.OrdinalIgnoreCase)
        || error.Detail.Contains("No such file", StringComparison.Ordinal);

    private void PassDescriptor()
    {
        _pipe = Pipe.Create();
        _capacity = _pipe.SetCapacity(SmallestPipeBytes);

        // QEMU runs as another user; nobody else has a way to this pipe.
        File.SetUnixFileMode(_pipe.WriteEnd, UnixFileMode.UserWrite | UnixFileMode.OtherWrite);
        JsonElement added = _monitor.Execute("add-fd", writer => writer.WriteString("opaque", "hikae-device-state"), _pipe.WriteEnd);
        _fdset = added.GetProperty("fdset-id").GetInt64();
        _descriptor = added.GetProperty("fd").GetInt64();
    }

    private bool SaveOnce(PauseTimings pause, Func<bool> seal, CancellationToken cancellationToken)
    {
        Pipe pipe = _pipe!;
        int standing = _capacity;
        _length = 0;
        BeginStanding(pipe, pause, cancellationToken);
        bool isSealed = seal();

        pipe.SetCapacity(LargestPipeBytes);
        long lastBytesAt = Stopwatch.GetTimestamp();
        while (true)
        {
            (bool hasBytes, bool isDone) = Pipe.WaitAny(pipe, _call.Done, DrainPoll);
            if (hasBytes)
            {
                ReadAll(pipe);
                lastBytesAt = Stopwatch.GetTimestamp();
                continue;
            }
            if (isDone)
            {
                break;
            }
            cancellationToken.ThrowIfCancellationRequested();
        }
        pause.MarkAt("devices", lastBytesAt);
        pause.Mark("cont");
        _call.End();
        ReadAll(pipe);
        if (_length <= standing)
        {
            throw new QemuMonitorException(Command, $"{_length} bytes of device state fit into a pipe of {standing}: the guest may have run");
        }
        _capacity = pipe.SetCapacity(Math.Max(SmallestPipeBytes, _length / StateShare));
        return isSealed;
    }

    /// <summary>Returns when QEMU has stopped the guest and waits for a reader.</summary>
    private void BeginStanding(Pipe pipe, PauseTimings pause, CancellationToken cancellationToken)
    {
        using IDisposable first = _ioThreads.BeforeOthers();
        _call.Begin(
            Command,
            writer =>
            {
                writer.WriteString("filename", string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{_descriptor}"));
                writer.WriteBoolean("live", false);
            },
            pause);
        while (true)
        {
            (bool hasBytes, bool isDone) = Pipe.WaitAny(pipe, _call.Done, DrainPoll);
            if (hasBytes)
            {
                break;
            }
            if (isDone)
            {
                _call.End();
                throw new QemuMonitorException(Command, "QEMU wrote nothing");
            }
            cancellationToken.ThrowIfCancellationRequested();
        }
        pause.Mark("stop");
    }

    private void ReadAll(Pipe pipe)
    {
        while (true)
        {
            if (_length == _state.Length)
            {
                if (_length > ReplicationLimits.MaxDeviceStateBytes)
                {
                    throw new QemuMonitorException(Command, $"more than {ReplicationLimits.MaxDeviceStateBytes} bytes of device state");
                }
                Array.Resize(ref _state, _state.Length * 2);
            }
            int read = pipe.Read(_state.AsSpan(_length));
            if (read == 0)
            {
                return;
            }
            _length += read;
        }
    }

    /// <summary>QEMU's end of the pipe may still hold half a state: the next save gets a new one.</summary>
    private void Abandon()
    {
        AbandonPipe();
        Detach();
    }

    private void AbandonPipe()
    {
        _pipe?.Dispose();
        _pipe = null;
        _call.Abandon();
    }
}
