// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.PageStore;
using Hikae.Sidecar.Recovery.Stream;

namespace Hikae.Sidecar.Recovery;

/// <summary>
/// Gives a replica to QEMU as the source of a postcopy migration: devices first, the guest runs, and its memory follows,
/// what it touches first of all.
/// </summary>
/// <remarks>
/// Theory of operation. The opening (header, block list, package of device state and "run") is a few hundred KB, so the time
/// until the guest runs does not depend on its memory. Then this thread sends pages in small sections; before each it
/// answers the requests that a second thread read from the return path. The push continues behind the last requested page,
/// because the guest will probably touch its neighbours next, and then with what is hot (PushOrder). Requests come already while QEMU loads the package: virtio
/// devices look into their rings.
///
/// Pages that are on disk follow the hard ones in the background, a few at a time, as the storage may be slow; those that are hot or behind a request come before.
///
/// Invariants: a page is sent at most once. Every request is answered, zero and free pages with ZERO. END comes after every page that is neither.
/// </remarks>
internal sealed class PostcopySource : IDisposable
{
    /// <summary>Pages between two looks at the requests: 128 KB, about 0.1 ms.</summary>
    private const int PagesPerSection = 32;

    // To hear of a return path that has failed.
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(100);

    /// <summary>The same for pages on disk, each of which may take milliseconds to read.</summary>
    private const int DiskPagesPerSection = 4;

    private readonly ReplicaStore _store;
    private readonly string _machineType;
    private readonly System.IO.Stream _stream;
    private readonly MigrationStreamWriter _writer;
    private readonly PageRequests _requests;
    private readonly SentPages _sent;
    private readonly Thread _returnPath;
    private readonly ManualResetEventSlim _shut = new();
    private volatile Exception? _returnPathFailure;

    // sending thread only: where the background push goes on
    private readonly PushOrder _order;
    private readonly PushPace _pace;
    private PageKind _pushed = PageKind.Hard;
    private long _hardLeft;
    private long _onDiskLeft;

    /// <param name="store">Only this object may use it until <see cref="Run"/> returns.</param>
    /// <param name="machineType">As QEMU knows it, "pc-q35-10.0".</param>
    /// <param name="stream">Connected to QEMU both ways. The caller closes it, which also ends the return path's thread.</param>
    /// <param name="pace">Of what the guest did not ask for; null: no limit.</param>
    public PostcopySource(ReplicaStore store, string machineType, System.IO.Stream stream, PushPace? pace = null)
    {
        _pace = pace ?? new PushPace(null, TimeProvider.System);
        HostPages.RefuseHuge(store.Blocks);
        _store = store;
        _machineType = machineType;
        _stream = stream;
        _writer = new MigrationStreamWriter(stream);
        _requests = new PageRequests(store.Blocks);
        _sent = new SentPages(store.Blocks);
        _order = new PushOrder(store, _sent);
        _returnPath = new Thread(ReadReturnPath) { IsBackground = true, Name = "return path" };
        (_hardLeft, _onDiskLeft) = (store.Statistics.HardPages, store.Statistics.DiskPages);
        Progress.TotalPages = _hardLeft + _onDiskLeft;
    }

    /// <summary>Counts while <see cref="Run"/> runs.</summary>
    public StreamProgress Progress { get; } = new();

    /// <summary>
    /// Sends everything and returns when QEMU confirmed that it needs no more. Blocks; closing the stream ends it with an exception.
    /// </summary>
    public void Run(TimeSpan shutTimeout)
    {
        try
        {
            SendOpening();
            _returnPath.Start();
            SendPackage();
            while (SendSection())
            {
                ThrowIfReturnPathFailed();
            }
            SendEnd();
        }
        catch (IOException error)
        {
            // QEMU says why on its return path before it closes; that is the better reason.
            ThrowIfReturnPathFailed();
            throw new MigrationStreamException($"QEMU closed the stream after {_writer.BytesWritten} bytes: {error.Message}");
        }
        if (!_shut.Wait(shutTimeout))
        {
            throw new MigrationStreamException($"QEMU did not confirm the end of postcopy within {shutTimeout.TotalSeconds:0} s.");
        }
        ThrowIfReturnPathFailed();
    }

    public void Dispose()
    {
        // The thread uses the event, so it must have ended. The caller closed the stream, or it saw SHUT.
        if (_returnPath.ThreadState.HasFlag(System.Threading.ThreadState.Unstarted) || _returnPath.Join(TimeSpan.FromSeconds(5)))
        {
            _shut.Dispose();
            _requests.Dispose();
        }
    }

    private void SendOpening()
    {
        _writer.Header(_machineType);
        _writer.Command(QemuMigration.MIG_CMD_OPEN_RETURN_PATH, []);
        Span<byte> advise = stackalloc byte[16];
        // The OR of all host page sizes, and the target's page size: both 4096.
        BinaryPrimitives.WriteUInt64BigEndian(advise, QemuRam.TARGET_PAGE_SIZE);
        BinaryPrimitives.WriteUInt64BigEndian(advise[8..], QemuRam.TARGET_PAGE_SIZE);
        _writer.Command(QemuMigration.MIG_CMD_POSTCOPY_ADVISE, advise);
        _writer.RamStart(_store.Blocks);
        // Not only to empty the blocks that QEMU fills itself: without a DISCARD before LISTEN the destination deadlocks.
        foreach (RamBlockInfo block in _store.Blocks)
        {
            _writer.Command(QemuMigration.MIG_CMD_POSTCOPY_RAM_DISCARD, WholeBlock(block));
        }
        _writer.Flush();
    }

    private static byte[] WholeBlock(RamBlockInfo block)
    {
        int name = Encoding.UTF8.GetByteCount(block.Name);
        byte[] payload = new byte[3 + name + 16];
        payload[0] = QemuRam.PostcopyRamDiscardVersion;
        payload[1] = (byte)name;
        Encoding.UTF8.GetBytes(block.Name, payload.AsSpan(2));
        BinaryPrimitives.WriteUInt64BigEndian(payload.AsSpan(3 + name), 0);
        BinaryPrimitives.WriteUInt64BigEndian(payload.AsSpan(11 + name), (ulong)block.UsedBytes);
        return payload;
    }

    private void SendPackage()
    {
        ReadOnlySpan<byte> devices = _store.DeviceState.Span;
        if (devices[^1] != QemuMigration.QEMU_VM_EOF)
        {
            throw new RecoveryException($"The device state of epoch {_store.CommittedEpoch} does not end with QEMU_VM_EOF.");
        }
        // Inside a package the end is its length; a QEMU_VM_EOF would end the load before RUN.
        devices = devices[..^1];
        const int commandBytes = 5;
        int packageBytes = commandBytes + devices.Length + commandBytes;
        if (packageBytes > QemuMigration.MAX_VM_CMD_PACKAGED_SIZE)
        {
            throw new RecoveryException($"The device state of {devices.Length} bytes is above QEMU's limit for postcopy.");
        }
        Span<byte> length = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(length, (uint)packageBytes);
        _writer.Command(QemuMigration.MIG_CMD_PACKAGED, length);
        _writer.Command(QemuMigration.MIG_CMD_POSTCOPY_LISTEN, []);
        _writer.Bytes(devices);
        _writer.Command(QemuMigration.MIG_CMD_POSTCOPY_RUN, []);
        _writer.Flush();
    }

    /// <summary>One section: requested pages, else the next pages of the background push. False when nothing is left.</summary>
    private bool SendSection()
    {
        if (_requests.TryTake(out (int Block, long Page, long Count) request))
        {
            _writer.RamSection(QemuMigration.QEMU_VM_SECTION_PART);
            do
            {
                Answer(request.Block, request.Page, request.Count);
            }
            while (_requests.TryTake(out request));
        }
        else if (_pace.Wait() is { Ticks: > 0 } wait && _hardLeft + _onDiskLeft > 0)
        {
            _requests.Wait(wait < LongestWait ? wait : LongestWait);
            return true;
        }
        else if (FindNextPage(out _, out _))
        {
            _writer.RamSection(QemuMigration.QEMU_VM_SECTION_PART);
            Push();
        }
        else
        {
            return false;
        }
        _writer.RamSectionEnd();
        _writer.Flush();
        Progress.SetSentBytes(_writer.BytesWritten);
        return true;
    }

    private void Answer(int block, long firstPage, long count)
    {
        for (long page = firstPage; page < firstPage + count; page++)
        {
            if (!_sent.TryAdd(block, page))
            {
                continue;
            }
            Progress.CountRequested();
            if (_store.Get(block, page) is var kind and (PageKind.Hard or PageKind.OnDisk))
            {
                Send(block, page, kind);
            }
            else
            {
                _writer.ZeroPage(_store.Blocks[block].Name, page);
            }
        }
        _order.GoOnAt(block, firstPage + count);
    }

    private void Push()
    {
        int pages = 0;
        for (int onDisk = 0; pages < PagesPerSection && onDisk < DiskPagesPerSection && FindNextPage(out int block, out long page); pages++)
        {
            PageKind kind = _store.Get(block, page);
            onDisk += kind is PageKind.OnDisk ? 1 : 0;
            _sent.TryAdd(block, page);
            Send(block, page, kind);
        }
        _pace.Count((long)pages * ReplicationLimits.PageBytes);
    }

    private void Send(int block, long page, PageKind kind)
    {
        _store.ReadPage(block, page, _writer.Page(_store.Blocks[block].Name, page));
        _ = kind is PageKind.Hard ? _hardLeft-- : _onDiskLeft--;
        Progress.CountSent();
    }

    /// <summary>What is near a request, then what is hot; else hard pages, and once there are none, those on disk.</summary>
    private bool FindNextPage(out int block, out long page)
    {
        if (_hardLeft == 0)
        {
            _pushed = PageKind.OnDisk;
        }
        (block, page) = (0, 0);
        if ((_pushed is PageKind.Hard ? _hardLeft : _onDiskLeft) == 0)
        {
            return false;
        }
        return _order.TryNext(_pushed, out block, out page) ? true : throw new UnreachableException("There are pages left that nobody finds.");
    }

    private void SendEnd()
    {
        _writer.RamSection(QemuMigration.QEMU_VM_SECTION_END);
        _writer.RamSectionEnd();
        _writer.U8(QemuMigration.QEMU_VM_EOF);
        _writer.Flush();
        Progress.SetSentBytes(_writer.BytesWritten);
    }

    private void ReadReturnPath()
    {
        try
        {
            byte[] buffer = new byte[16 * ReturnPathReader.MaxMessageBytes];
            int filled = 0;
            while (!_shut.IsSet)
            {
                int read = _stream.Read(buffer, filled, buffer.Length - filled);
                if (read == 0)
                {
                    throw new MigrationStreamException("QEMU closed the return path before the end of postcopy.");
                }
                filled += read;
                ReturnPathReader reader = new(buffer.AsSpan(0, filled));
                while (reader.TryRead(out ReturnPathMessage message))
                {
                    Handle(message);
                }
                filled -= reader.Consumed;
                buffer.AsSpan(reader.Consumed, filled).CopyTo(buffer);
            }
        }
        catch (Exception error) when (error is IOException or ObjectDisposedException or MigrationStreamException)
        {
            _returnPathFailure = error;
            _shut.Set();
        }
    }

    private void Handle(ReturnPathMessage message)
    {
        switch (message.Type)
        {
            case QemuMigration.MIG_RP_MSG_REQ_PAGES:
            case QemuMigration.MIG_RP_MSG_REQ_PAGES_ID:
                _requests.Add(message);
                break;
            case QemuMigration.MIG_RP_MSG_SHUT:
                if (message.Value != 0)
                {
                    throw new MigrationStreamException($"QEMU could not load the guest (SHUT {message.Value}); its log says why.");
                }
                _shut.Set();
                break;
            default:
                break;
        }
    }

    private void ThrowIfReturnPathFailed()
    {
        if (_returnPathFailure is Exception failure)
        {
            throw new MigrationStreamException(failure.Message);
        }
    }
}
