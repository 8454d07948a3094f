// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Sidecar.Disk.Buffer;
using Hikae.Sidecar.Disk.Content;
using Hikae.Sidecar.Disk.Images;
using Hikae.Sidecar.Disk.Nbd;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Disk;

/// <summary>One disk of the guest, served over NBD. On the primary, and on the backup after a failover.</summary>
/// <remarks>
/// Theory of operation. Reads see the buffer over the image. While Holding, a write is acknowledged when it is in the buffer's open epoch, and
/// so is a FLUSH: memory and disk roll back together, so the guest cannot tell. A FLUSH before the first commit
/// may be made to wait for it. Committed epochs are written to the image in order by one
/// thread, the writer, then flushed by another, and only then dropped from the buffer. Draining is the way back: the writer takes everything, the
/// open epoch too, and a FLUSH is a real one again.
///
/// In a drain the guest's writes wait while what came in a round is half of what is being written, so that it ends.
///
/// A write never waits for a checkpoint, because "stop" waits for every write: past the buffer's bound it goes to the reserve and only its
/// acknowledgement is delayed, at <see cref="ReserveBytesPerSecond"/> for all clients together, and not at all once
/// <see cref="PrepareSeal"/> said that a checkpoint comes.
///
/// Invariants. An epoch reaches the image only after its commit, unless the disk drains. The image is written by the writer alone, or, in
/// PassThrough with an empty buffer, by whoever serves a client. What was acknowledged is in the buffer or in the image.
/// </remarks>
internal sealed partial class ServedDisk : INbdExport, IDisposable
{
    /// <summary>How fast a guest may go on writing while the buffer is past its bound.</summary>
    public const long ReserveBytesPerSecond = 32 << 20;

    // set once
    private readonly IDiskImage _image;
    private readonly EpochBuffer _buffer;
    private readonly DiskContent? _content;
    private readonly ILogger _logger;
    private readonly TimeProvider _clock = TimeProvider.System;
    private readonly Thread _writer;
    private readonly Thread _flusher;

    private volatile IChangeGuard? _guard;

    // guarded by _state
    private readonly object _state = new();
    private DiskMode _mode;
    private bool _mayWrite = true;
    private bool _isTold;
    private bool _isFinishing;
    private bool _letThrough;
    private bool _wantsCheckpoint;
    private bool _awaitsFirstCommit;
    private bool _ends;
    private int _direct;
    private int _busy;
    private int _attempt;
    private long _roundBytes;
    private ulong _written;
    private ulong _lastEpoch;
    private long _paced;
    private NbdServer? _server;

    /// <param name="name">The disk's alias: for log lines, and as the export's name.</param>
    /// <param name="image">Where committed writes go; the caller's, must outlive this.</param>
    /// <param name="buffer">
    /// What is not in the image yet; the caller's, must outlive this. When it is not empty, because a predecessor was killed or because this host
    /// takes the guest over, the disk begins as <see cref="DiskMode.Holding"/> and writes nothing before it is told to.
    /// </param>
    /// <param name="exportBytes">Size that clients are told; may exceed the image.</param>
    /// <param name="logger">Gets the image's troubles.</param>
    /// <param name="holds">Begins as <see cref="DiskMode.Holding"/> with an empty buffer too: who may write the image is not known yet.</param>
    /// <param name="content">Is told what the disk's blocks are. From the moment the buffer is empty: what a predecessor left in it, it does not know.</param>
    public ServedDisk(
        string name, IDiskImage image, EpochBuffer buffer, long exportBytes, ILogger logger, bool holds = false, DiskContent? content = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(exportBytes);
        Name = name;
        SizeBytes = exportBytes;
        _image = image;
        _buffer = buffer;
        _content = content;
        _logger = logger;
        _mode = buffer.IsEmpty && !holds ? DiskMode.PassThrough : DiskMode.Holding;
        _lastEpoch = buffer.LastSealed;
        _written = buffer.LastDropped;
        if (_mode is DiskMode.PassThrough)
        {
            _content?.Begin();
        }

        _writer = new Thread(WriteImage) { IsBackground = true, Name = $"image {name}" };
        _flusher = new Thread(FlushImage) { IsBackground = true, Name = $"flush {name}" };
        _writer.Start();
        _flusher.Start();
    }

    /// <summary>The buffer is half full, or a guest's write waits: a checkpoint would help. Raised on any thread, must not block.</summary>
    public event Action? CheckpointWanted;

    /// <summary>Everything through this epoch is durable in the image. Raised on a thread of this disk.</summary>
    public event Action<ulong>? Flushed;

    /// <summary>Asked before every change by a client. Set while there is none.</summary>
    public IChangeGuard? Guard
    {
        get => _guard;
        set => _guard = value;
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public long SizeBytes { get; }

    /// <summary>Where the guest's writes go now.</summary>
    public DiskMode Mode
    {
        get
        {
            lock (_state)
            {
                return _mode;
            }
        }
    }

    /// <summary>Acknowledged to the guest and not yet durable in the image, with the buffer's own headers.</summary>
    public long BufferedBytes => _buffer.UsedBytes;

    /// <summary>The last error of the image, while what failed is tried again; null when all is well.</summary>
    public string? ImageTrouble { get; private set; }

    /// <summary>Accepts connections on a listening unix socket until disposed. The socket is this object's from now on, its file is not.</summary>
    public void Serve(Socket listener)
    {
        lock (_state)
        {
            if (_server is not null)
            {
                throw new InvalidOperationException($"Disk {Name} is served already.");
            }

            _server = new NbdServer(listener, this, _logger);
        }
    }

    /// <summary>Guest stands still, buffer empty: PassThrough -> Holding. Epochs may count from 1 again.</summary>
    /// <param name="awaitFirstCommit">There is nothing to roll back to yet: a FLUSH waits for the first commit.</param>
    public void Hold(bool awaitFirstCommit = false)
    {
        lock (_state)
        {
            if (_mode is not DiskMode.PassThrough || !_buffer.IsEmpty)
            {
                throw new InvalidOperationException($"Disk {Name} cannot hold: it is {_mode}, with {_buffer.UsedBytes} bytes buffered.");
            }

            // The guest stands still, so this is over at once; another client's write is not overtaken either.
            while (_direct > 0)
            {
                Monitor.Wait(_state);
            }

            _buffer.Clear();
            _lastEpoch = 0;
            _written = 0;
            _isTold = true;
            _awaitsFirstCommit = awaitFirstCommit;
            Enter(DiskMode.Holding);
        }
    }

    /// <summary>
    /// A checkpoint comes: until <see cref="Seal"/> no write waits for room in the reserve, so that "stop", which waits for every write, is
    /// quick. Optional: without it such writes are delayed, but never for good.
    /// </summary>
    public void PrepareSeal()
    {
        lock (_state)
        {
            _letThrough = true;
            Monitor.PulseAll(_state);
        }
    }

    /// <summary>Guest stands still: the open epoch becomes <paramref name="epoch"/>. Only while Holding; else nothing happens.</summary>
    /// <returns>It holds a guest FLUSH or FUA.</returns>
    public bool Seal(ulong epoch)
    {
        lock (_state)
        {
            _letThrough = false;
            _wantsCheckpoint = false;
            if (_mode is not DiskMode.Holding)
            {
                return false;
            }

            _lastEpoch = epoch;
            return _buffer.Seal(epoch);
        }
    }

    /// <summary>Any thread, does not wait: everything sealed through <paramref name="epoch"/> goes to the image, then <see cref="Flushed"/>. Only while Holding; else nothing happens.</summary>
    public void Commit(ulong epoch)
    {
        lock (_state)
        {
            if (_mode is DiskMode.Holding)
            {
                _buffer.CommitThrough(epoch);
                _isTold = true;
                _awaitsFirstCommit = false;
                Monitor.PulseAll(_state);
            }
        }
    }

    /// <summary>From any mode, any thread, does not wait: everything buffered goes to the image, then writes go there directly.</summary>
    public void PassThrough()
    {
        lock (_state)
        {
            _isTold = true;
            if (_mode is DiskMode.Holding)
            {
                BeginRounds();
                Enter(DiskMode.Draining);
            }
        }
    }

    /// <summary>Waits for PassThrough. False: it was not reached in time.</summary>
    public bool WaitDrained(TimeSpan limit)
    {
        lock (_state)
        {
            return WaitUntil(static disk => disk._mode is DiskMode.PassThrough, limit);
        }
    }

    /// <summary>
    /// Not allowed: no further write to the image begins, not even its flush; committed epochs, drains and direct writes wait. Begins allowed.
    /// Does not wait for a write that has begun: see <see cref="WaitImageIdle"/>.
    /// </summary>
    public void AllowImageWrites(bool allowed)
    {
        lock (_state)
        {
            if (allowed && !_mayWrite)
            {
                BeginRounds();
            }

            _mayWrite = allowed;
            Monitor.PulseAll(_state);
        }
    }

    /// <summary>Waits until no write to the image is under way. False: one still is (the storage hangs).</summary>
    public bool WaitImageIdle(TimeSpan limit)
    {
        lock (_state)
        {
            return WaitUntil(static disk => disk._busy == 0 && disk._direct == 0, limit);
        }
    }

    /// <summary>This part of the image is read from the storage the next time, not from what this host remembers of it.</summary>
    public void DropCached(long offset, long length) => _image.DropCached(offset, length);

    /// <summary>Ends every connection. What is buffered stays in the buffer, for a successor.</summary>
    public void Dispose()
    {
        lock (_state)
        {
            _ends = true;
            Monitor.PulseAll(_state);
            while (_isScanning)
            {
                Monitor.Wait(_state);
            }
        }

        _server?.Dispose();
        _writer.Join();
        _flusher.Join();
    }

    private void Enter(DiskMode mode)
    {
        _awaitsFirstCommit &= mode is DiskMode.Holding;
        _mode = mode;
        if (mode is DiskMode.PassThrough)
        {
            _content?.Begin();
        }

        _logger.DiskModeChanged(Name, mode, _buffer.UsedBytes);
        Monitor.PulseAll(_state);
    }

    private bool WaitUntil(Func<ServedDisk, bool> condition, TimeSpan limit)
    {
        long began = _clock.GetTimestamp();
        while (!condition(this))
        {
            TimeSpan left = limit - _clock.GetElapsedTime(began);
            if (left <= TimeSpan.Zero || _ends)
            {
                return false;
            }

            Monitor.Wait(_state, left < TimeSpan.FromMinutes(1) ? left : TimeSpan.FromMinutes(1));
        }

        return true;
    }
}
