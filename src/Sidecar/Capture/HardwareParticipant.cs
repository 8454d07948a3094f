// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Capture;

/// <summary>What the guest is made of, as the epoch sees it: its domain XML and its RAM blocks. Sent in the first epoch and whenever they change.</summary>
/// <remarks>
/// libvirt tells of devices that came or went by events, which arrive after the fact. So a change is looked for before the pause, and
/// again after it: an epoch that holds the state of a device must not be acknowledged with an XML that does not have it.
/// </remarks>
internal sealed class HardwareParticipant : IEpochParticipant
{
    private readonly GuestConnection _guest;
    private readonly QemuMonitor _monitor;
    private readonly MemoryParticipant _memory;
    private readonly EpochQueue _queue;
    private IReadOnlyList<RamBlock> _blocks = [];
    private string? _xml;
    private int _changed = 1;
    private long _guestBytes;

    public HardwareParticipant(GuestConnection guest, QemuMonitor monitor, MemoryParticipant memory, EpochQueue queue)
    {
        _guest = guest;
        _monitor = monitor;
        _memory = memory;
        _queue = queue;
    }

    /// <summary>The XML as the backup needs it: what libvirt itself would send with a migration, secrets included.</summary>
    public static string ReadXml(Domain domain) => domain.GetXml(DomainXmlFlags.Migratable | DomainXmlFlags.Secure);

    /// <summary>Bytes of all RAM blocks. Any thread.</summary>
    public long GuestBytes => Volatile.Read(ref _guestBytes);

    /// <summary>A device or memory came or went, or the guest was reset. Any thread.</summary>
    public void NoteChange() => Volatile.Write(ref _changed, 1);

    public void Prepare(EpochId epoch, CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _changed, 0) != 0)
        {
            Send(cancellationToken);
        }
    }

    // Asking libvirt here would lengthen every pause for what almost never happens.
    public bool TrySeal(EpochId epoch, PauseTimings pause, CancellationToken cancellationToken) => true;

    public void Resumed(EpochId epoch)
    {
        if (Volatile.Read(ref _changed) != 0)
        {
            string xml = ReadXml(_guest.Domain);
            if (xml != _xml)
            {
                _xml = xml;
                _queue.Add(new EpochPart.Hardware([.. _blocks.Select(block => block.Info)], xml), CancellationToken.None);
            }
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

    private void Send(CancellationToken cancellationToken)
    {
        IReadOnlyList<RamBlock> blocks = RamBlockTable.Query(_monitor);
        string xml = ReadXml(_guest.Domain);
        bool sameBlocks = blocks.SequenceEqual(_blocks);
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
}
