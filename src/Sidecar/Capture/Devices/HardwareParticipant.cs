// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Hikae.Sidecar.Disk.Graph;
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Capture;

/// <summary>What the guest is made of, as the epoch sees it: its domain XML and its RAM blocks. Sent in the first epoch and whenever they change.</summary>
/// <remarks>
/// libvirt tells of devices that came or went by events, which arrive after the fact, and of processors not at all. An epoch that holds the state of a device must not be
/// acknowledged with an XML that does not have it, nor one without a RAM block that the guest has. So what QEMU itself shows in the pause counts: its mappings tell whether
/// a RAM block came since the blocks were asked for, and then the guest goes on in the same epoch; the heads of its device state tell whether a device came or went, and
/// then the XML is read again before the epoch ends. libvirt runs one command of a domain after the other, so what the state has, the XML has. Memory that is pulled out
/// goes in steps, of which libvirt knows before QEMU's mappings do: until the block is gone, so is the news.
/// </remarks>
internal sealed class HardwareParticipant : IEpochParticipant, IDisposable
{
    private const string Table = "x-query-ramblock";

    // A DIMM or the like among the devices (libvirt docs/formatdomain.rst, "Memory devices").
    private const string MemoryElement = "<memory model=";

    // A QEMU whose threads come and go at every checkpoint must not keep an epoch open for ever, nor make its guest stand still for nothing.
    private const int MaxDeferrals = 2;

    // Where QEMU is slow to let go of memory that libvirt has taken out already; some tens of milliseconds.
    private const int MaxEpochsOfLeavingMemory = 20;

    private readonly GuestConnection _guest;
    private readonly QemuMonitor _monitor;
    private readonly DeviceStateCapture _devices;
    private readonly MemoryParticipant _memory;
    private readonly EpochQueue _queue;
    private readonly bool _areDisksHeld;
    private readonly QemuMappings _mappings;
    private IReadOnlyList<RamBlock> _blocks = [];
    private string? _xml;
    private ulong _sections;
    private int _deferrals;
    private bool _areUncertain;
    private int _epochsOfLeavingMemory;
    private int _changed = 1;
    private long _guestBytes;

    /// <param name="guest">The guest.</param>
    /// <param name="monitor">Its monitor.</param>
    /// <param name="qemuPid">Its QEMU.</param>
    /// <param name="devices">Has the device state of the epoch when the guest has gone on.</param>
    /// <param name="memory">Is told of the RAM blocks.</param>
    /// <param name="queue">To the link.</param>
    /// <param name="areDisksHeld">Those that the guest can write are served by us, and not read by QEMU itself.</param>
    public HardwareParticipant(
        GuestConnection guest, QemuMonitor monitor, int qemuPid, DeviceStateCapture devices, MemoryParticipant memory, EpochQueue queue, bool areDisksHeld)
    {
        _areDisksHeld = areDisksHeld;
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
        return true;
    }

    public void Resumed(EpochId epoch)
    {
        _deferrals = 0;
        ulong sections = DeviceSections.Fingerprint(_devices.Saved);
        bool isOther = false;
        if (sections != _sections)
        {
            _sections = sections;
            string xml = ReadXml(_guest.Domain);
            isOther = xml != _xml;
            if (isOther)
            {
                if (IsMemoryLeaving(xml))
                {
                    throw new QemuMonitorException(Table, "a device and memory came and went while a checkpoint was made");
                }
                Queue(xml, CancellationToken.None);
            }
        }
        // With the same devices the XML of before is the right one, whatever libvirt has told since: it may be ahead of the checkpoint.
        if ((_areUncertain || isOther) && !RamBlockTable.Query(_monitor).ToHashSet().SetEquals(_blocks))
        {
            throw new QemuMonitorException(Table, "memory came or went while a checkpoint was made");
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
        if (sameBlocks && IsMemoryLeaving(xml) && _epochsOfLeavingMemory++ < MaxEpochsOfLeavingMemory)
        {
            NoteChange();
            return;
        }
        _epochsOfLeavingMemory = 0;
        foreach (RamBlock block in blocks.Where(block => block.Info.PageSizeBytes != Protocol.Replication.ReplicationLimits.PageBytes))
        {
            throw new NotProtectableException($"RAM block {block.Info.Name} has pages of {block.Info.PageSizeBytes} bytes; huge pages are not supported yet");
        }
        _blocks = blocks;
        Volatile.Write(ref _guestBytes, blocks.Sum(block => block.Info.UsedBytes));
        if (!sameBlocks)
        {
            // First: what is sent of the blocks of before, and has not left yet, must not be taken for these.
            _memory.SetBlocks(blocks);
        }
        Queue(xml, cancellationToken);
    }

    private void Queue(string xml, CancellationToken cancellationToken)
    {
        FollowReads(xml);
        _xml = xml;
        _queue.Add(new EpochPart.Hardware([.. _blocks.Select(block => block.Info)], xml), cancellationToken);
    }

    private void FollowReads(string xml)
    {
        bool areDirect = DirectReads.AreIn(LiveXml.Parse(xml), onlyLeftAlone: _areDisksHeld);
        if (areDirect && !_memory.AreReadsDirect && _xml is not null)
        {
            // What it read until now may be missing in the replica; the next session knows of it from the beginning.
            throw new QemuMonitorException(Table, "a disk came that QEMU reads past the host's page cache");
        }
        _memory.AreReadsDirect = areDirect;
    }

    /// <summary>libvirt's XML has lost memory that QEMU still has: a backup whose domain lacks a block of the list could not load the guest.</summary>
    private bool IsMemoryLeaving(string xml) => _xml is { } before && CountMemory(xml) < CountMemory(before);

    private static int CountMemory(string xml) => xml.Split(MemoryElement).Length;

    /// <summary>QEMU lists the largest first, so one that was plugged in may stand anywhere. Those of before keep their places, and the pages sent of them.</summary>
    private List<RamBlock> InOrder(IReadOnlyList<RamBlock> blocks)
    {
        HashSet<RamBlock> present = [.. blocks];
        return [.. _blocks.Where(present.Remove), .. blocks.Where(present.Contains)];
    }
}
