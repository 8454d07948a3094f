// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Capture;

/// <summary>What the guest is made of, as the epoch sees it: its domain XML and its RAM blocks. Sent in the first epoch and whenever they change.</summary>
/// <remarks>
/// libvirt tells of devices that came or went by events, which arrive after the fact, and of processors not at all. An epoch that holds the state of a device must not be
/// acknowledged with an XML that does not have it, nor one without a RAM block that the guest has. So what QEMU itself shows in the pause counts: its mappings tell whether
/// a RAM block came or went since the blocks were asked for, and then the guest goes on in the same epoch; the heads of its device state tell whether a device did, and
/// then the XML is read again before the epoch ends. libvirt runs one command of a domain after the other, so what the state has, the XML has.
/// </remarks>
internal sealed class HardwareParticipant : IEpochParticipant, IDisposable
{
    // A QEMU whose threads come and go at every checkpoint must not keep an epoch open for ever.
    private const int MaxDeferrals = 16;

    private readonly GuestConnection _guest;
    private readonly QemuMonitor _monitor;
    private readonly DeviceStateCapture _devices;
    private readonly MemoryParticipant _memory;
    private readonly EpochQueue _queue;
    private readonly QemuMappings _mappings;
    private IReadOnlyList<RamBlock> _blocks = [];
    private string? _xml;
    private ulong _sections;
    private int _deferrals;
    private bool _areUncertain;
    private int _changed = 1;
    private long _guestBytes;

    /// <param name="guest">The guest.</param>
    /// <param name="monitor">Its monitor.</param>
    /// <param name="qemuPid">Its QEMU.</param>
    /// <param name="devices">Has the device state of the epoch when the guest has gone on.</param>
    /// <param name="memory">Is told of the RAM blocks.</param>
    /// <param name="queue">To the link.</param>
    public HardwareParticipant(GuestConnection guest, QemuMonitor monitor, int qemuPid, DeviceStateCapture devices, MemoryParticipant memory, EpochQueue queue)
    {
        _guest = guest;
        _monitor = monitor;
        _devices = devices;
        _memory = memory;
        _queue = queue;
        _mappings = new QemuMappings(qemuPid);
    }

    /// <summary>The XML as the backup needs it: what libvirt itself would send with a migration, secrets included.</summary>
    public static string ReadXml(Domain domain) => domain.GetXml(DomainXmlFlags.Migratable | DomainXmlFlags.Secure);

    /// <summary>Bytes of all RAM blocks. Any thread.</summary>
    public long GuestBytes => Volatile.Read(ref _guestBytes);

    /// <summary>A device or memory came or went, or the guest was reset. Any thread.</summary>
    public void NoteChange() => Volatile.Write(ref _changed, 1);

    public void Prepare(EpochId epoch, CancellationToken cancellationToken)
    {
        bool isNoted = Interlocked.Exchange(ref _changed, 0) != 0;
        if (isNoted || _mappings.HaveChanged())
        {
            _mappings.Remember();
            Send(isNoted, cancellationToken);
        }
    }

    public bool TrySeal(EpochId epoch, PauseTimings pause, CancellationToken cancellationToken)
    {
        _areUncertain = _mappings.HaveChanged();
        if (_areUncertain && _deferrals < MaxDeferrals)
        {
            _deferrals++;
            return false;
        }
        _deferrals = 0;
        return true;
    }

    public void Resumed(EpochId epoch)
    {
        ulong sections = DeviceSections.Fingerprint(_devices.Saved);
        if (sections != _sections || Volatile.Read(ref _changed) != 0)
        {
            _sections = sections;
            string xml = ReadXml(_guest.Domain);
            if (xml != _xml)
            {
                _xml = xml;
                _queue.Add(new EpochPart.Hardware([.. _blocks.Select(block => block.Info)], xml), CancellationToken.None);
            }
        }
        if (_areUncertain && !RamBlockTable.Query(_monitor).ToHashSet().SetEquals(_blocks))
        {
            throw new QemuMonitorException("x-query-ramblock", "memory came or went while a checkpoint was made");
        }
    }

    public void Commit(EpochId epoch)
    {
        // Nothing waits for it.
    }

    public void Abort(EpochId epoch)
    {
        // The next session sends everything anew.
    }

    public void Dispose() => _mappings.Dispose();

    private void Send(bool isNoted, CancellationToken cancellationToken)
    {
        IReadOnlyList<RamBlock> blocks = InOrder(RamBlockTable.Query(_monitor));
        bool sameBlocks = blocks.SequenceEqual(_blocks);
        string xml = isNoted || !sameBlocks || _xml is null ? ReadXml(_guest.Domain) : _xml;
        if (sameBlocks && xml == _xml)
        {
            return;
        }
        foreach (RamBlock block in blocks.Where(block => block.Info.PageSizeBytes != Protocol.Replication.ReplicationLimits.PageBytes))
        {
            throw new NotProtectableException($"RAM block {block.Info.Name} has pages of {block.Info.PageSizeBytes} bytes; huge pages are not supported yet");
        }
        _blocks = blocks;
        _xml = xml;
        Volatile.Write(ref _guestBytes, blocks.Sum(block => block.Info.UsedBytes));
        if (!sameBlocks)
        {
            // First: what is sent of the blocks of before, and has not left yet, must not be taken for these.
            _memory.SetBlocks(blocks);
        }
        _queue.Add(new EpochPart.Hardware([.. blocks.Select(block => block.Info)], xml), cancellationToken);
    }

    /// <summary>QEMU lists the largest first, so one that was plugged in may stand anywhere. Those of before keep their places, and the pages sent of them.</summary>
    private List<RamBlock> InOrder(IReadOnlyList<RamBlock> blocks)
    {
        HashSet<RamBlock> present = [.. blocks];
        return [.. _blocks.Where(present.Remove), .. blocks.Where(present.Contains)];
    }
}
