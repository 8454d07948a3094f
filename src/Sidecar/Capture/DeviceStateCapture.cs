// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Native.Linux;
using Hikae.Protocol.Replication;
using Microsoft.Win32.SafeHandles;

namespace Hikae.Sidecar.Capture;

/// <summary>Takes QEMU's device state while the guest stands still.</summary>
/// <remarks>
/// QMP <c>xen-save-devices-state</c> needs no Xen. It writes into a memfd that QEMU holds in a file descriptor set; QEMU wants that
/// descriptor write-only, and shares its offset with ours, so it is rewound before each save (QEMU migration/savevm.c).
/// libvirt closes descriptor sets nobody uses when its monitor disconnects (libvirtd restart): then the descriptor is passed again.
/// </remarks>
internal sealed class DeviceStateCapture : IDisposable
{
    // be32 magic "QEVM" and be32 version 3: the stream that recovery writes has its own.
    private const int StreamHeadBytes = 8;

    private readonly QemuMonitor _monitor;
    private readonly MemoryFile _file = MemoryFile.Create("hikae-device-state");
    private readonly SafeFileHandle _writeOnly;
    private long _fdset = -1;

    public DeviceStateCapture(QemuMonitor monitor)
    {
        _monitor = monitor;
        _writeOnly = _file.OpenWriteOnly();
    }

    /// <summary>Lets QEMU write the device state of the paused guest; it stays until the next call.</summary>
    public void Save()
    {
        if (_fdset < 0)
        {
            PassDescriptor();
        }
        try
        {
            SaveOnce();
        }
        catch (QemuMonitorException error) when (IsDescriptorGone(error))
        {
            PassDescriptor();
            SaveOnce();
        }
    }

    /// <summary>Returns what was saved last, without the stream's head: sections, ended by a zero byte.</summary>
    public byte[] Read()
    {
        long length = _file.LengthBytes;
        if (length is <= StreamHeadBytes or > ReplicationLimits.MaxDeviceStateBytes)
        {
            throw new QemuMonitorException("xen-save-devices-state", $"{length} bytes of device state, the limit is {ReplicationLimits.MaxDeviceStateBytes}");
        }
        byte[] blob = GC.AllocateUninitializedArray<byte>((int)length - StreamHeadBytes);
        int read = _file.Read(StreamHeadBytes, blob);
        if (read != blob.Length)
        {
            throw new QemuMonitorException("xen-save-devices-state", $"read {read} of {blob.Length} bytes");
        }
        return blob;
    }

    /// <summary>Takes the descriptor away from QEMU. Errors are of no consequence: QEMU may be gone.</summary>
    public void Detach()
    {
        if (_fdset >= 0)
        {
            try
            {
                _monitor.Execute("remove-fd", writer => writer.WriteNumber("fdset-id", _fdset));
            }
            catch (Exception error) when (error is QemuMonitorException or Native.Libvirt.LibvirtException)
            {
                // Nothing is left to take away.
            }
            _fdset = -1;
        }
    }

    public void Dispose()
    {
        _writeOnly.Dispose();
        _file.Dispose();
    }

    private static bool IsDescriptorGone(QemuMonitorException error) =>
        error.Detail.Contains("fdset", StringComparison.Ordinal)
        || error.Detail.Contains("file descriptor", StringComparison.OrdinalIgnoreCase)
        || error.Detail.Contains("No such file", StringComparison.Ordinal);

    private void PassDescriptor() =>
        _fdset = _monitor.Execute("add-fd", writer => writer.WriteString("opaque", "hikae-device-state"), _writeOnly).GetProperty("fdset-id").GetInt64();

    private void SaveOnce()
    {
        MemoryFile.Rewind(_writeOnly);
        _file.Truncate();
        _monitor.Execute(
            "xen-save-devices-state",
            writer => writer.WriteString("filename", string.Create(CultureInfo.InvariantCulture, $"/dev/fdset/{_fdset}")));
    }
}
