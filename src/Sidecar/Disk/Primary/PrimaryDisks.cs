// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Libvirt;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Disk.Content;
using Hikae.Sidecar.Disk.Graph;
using Hikae.Sidecar.Recovery;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Disk.Primary;

/// <summary>What becomes of the guest's disks in the life of its sidecar on the primary: when they are interposed, drained and given back.</summary>
/// <remarks>Main thread and checkpoint thread, never both at once.</remarks>
internal sealed class PrimaryDisks : IDisposable
{
    // A storage that hangs must not keep a guest's administrator waiting for ever; what is not drained then is tried again.
    private static readonly TimeSpan DrainReport = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan GiveBackRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan DrainBeforeHolding = TimeSpan.FromSeconds(30);

    // A suspend takes as much longer, when it falls between the first seal and its commit.
    private static readonly TimeSpan CheckPatience = TimeSpan.FromSeconds(2);

    private readonly PrimaryGuest _guest;
    private readonly GuestPause _pause;
    private readonly StatusBoard _status;
    private readonly ILogger _logger;
    private readonly BlockGraph _graph;
    private readonly PatientCheck _firstCheck;

    public PrimaryDisks(PrimaryGuest guest, GuestPause pause, StatusBoard status, ILogger logger)
    {
        _guest = guest;
        _pause = pause;
        _status = status;
        _logger = logger;
        SidecarOptions options = guest.Options;
        Disks = guest.Disks;
        Images = new ImageGate(guest.Lease, Disks.AllowImageWrites, Disks.WaitImagesIdle);
        _firstCheck = new PatientCheck(Look, CheckPatience);
        _graph = new BlockGraph(
            guest.Monitor, () => guest.Connection.Domain, guest.Process.CommandLine, GuestDisks.StateFile(options.RunDirectory, options.Guest));
    }

    /// <summary>The served disks.</summary>
    public GuestDisks Disks { get; }

    /// <summary>Whether their images may be written.</summary>
    public ImageGate Images { get; }

    /// <summary>
    /// What an earlier process of this guest served is served since before libvirt was asked: without a server every monitor command waits, and the guest with it.
    /// Here its graph is put right. Nothing is written to an image before <see cref="PassThrough"/>.
    /// </summary>
    public void Survive()
    {
        if (_graph.Remembered.Count == 0)
        {
            return;
        }
        DrainMark.Set(_guest.Options);
        if (_graph.Remembered.Any(disk => !_graph.IsInserted(disk.Disk)))
        {
            WhileStopped(() => Disks.Recover(_graph));
        }
    }

    /// <summary>No other host may take the guest any more: what is buffered goes to the images, and so does what the guest writes from now on. Does not wait.</summary>
    public void PassThrough() => Disks.PassThrough();

    /// <summary>
    /// Puts this process between the guest and its disks, as far as it is not there already. The guest stands still for some milliseconds when it was not.
    /// Throws <see cref="NotProtectableException"/> for disks that cannot be interposed.
    /// </summary>
    public void Interpose()
    {
        IReadOnlyList<GuestDisk> found = _graph.Discover();
        if (Disks.HasUnplugged(found))
        {
            RequireDrained();
            Disks.ForgetUnplugged(found, _graph);
        }
        RequireImagesInPlace();
        if (Disks.IsMissing(found))
        {
            // Before the guest is stopped: in a drain, writes may wait for storage, and a stop for the writes.
            RequireDrained();
            DrainMark.Set(_guest.Options);
            string directory = DomainDirectory.Of(_guest.Connection.Domain);
            WhileStopped(() => Disks.Interpose(_graph, found, directory, takesOver: false));
            _logger.DisksInterposed(string.Join(", ", found.Select(disk => disk.Target)));
        }
        RequireDrained();
        DrainMark.Set(_guest.Options);
    }

    /// <summary>Looks through the interposed disks, as the configuration permits.</summary>
    public DiskScan Scan() =>
        new([.. Disks.Interposed.Select(disk => disk.Served)], _guest.Options.Configuration.Soft.ScanBytesPerSecond, TimeProvider.System, _logger);

    /// <summary>Takes or drops QEMU's locks on the images; a lock that somebody else has is worth a line in the log, not a guest.</summary>
    public void TrySetLocked(bool locked)
    {
        try
        {
            Disks.SetLocked(locked);
        }
        catch (Exception error) when (error is IOException or Native.Linux.LinuxException)
        {
            _logger.Unexpected(error.Message, error);
        }
    }

    /// <summary>Whether QEMU's block graph is as we left it. Throws <see cref="NotProtectableException"/> when something else was put there.</summary>
    /// <param name="isCommitted">False: a flush of the guest's waits for the first commit, and QEMU with it if somebody suspends the guest now.</param>
    public void Check(bool isCommitted)
    {
        if (isCommitted)
        {
            Look();
        }
        else
        {
            _firstCheck.Run();
        }
    }

    private void Look()
    {
        if (_graph.Check() is { } change)
        {
            throw new NotProtectableException(change.Reason);
        }
    }

    /// <summary>Waits until everything that was acknowledged is in the images, for as long as it takes: nothing may be lost, and nobody may start the guest before.</summary>
    public void Drain()
    {
        Disks.PassThrough();
        while (!Disks.WaitDrained(DrainReport))
        {
            _logger.StillDraining(Disks.BufferedBytes, Disks.Trouble ?? "the storage is slow");
            _status.Update(status => status with { Reason = $"{Disks.BufferedBytes} bytes of disk writes are not in the images yet{Because(Disks.Trouble)}" });
        }
    }

    /// <summary>Protection is switched off and the guest runs on: its disks are its own again. Tries until that is so; false: the guest has ended meanwhile.</summary>
    public bool TryGiveBack()
    {
        while (!_guest.Process.HasExited)
        {
            try
            {
                GiveBack();
                return true;
            }
            catch (Exception error) when (error is LibvirtException or QemuMonitorException or NotProtectableException or IOException or Native.Linux.LinuxException)
            {
                // Served on meanwhile: a guest whose disks nobody serves stands still.
                _logger.DisksNotGivenBack(error.Message);
                _status.Update(status => status with { Reason = $"the disks cannot be given back yet: {error.Message}" });
                TrySetLocked(true);
                Thread.Sleep(GiveBackRetry);
            }
        }
        return false;
    }

    private void GiveBack()
    {
        Drain();
        RequireImagesInPlace();
        if (Disks.Interposed.Count > 0 || _graph.Remembered.Count > 0)
        {
            WhileStopped(() => Disks.Restore(_graph));
        }
        Disks.Forget();
        DrainMark.Clear(_guest.Options);
    }

    /// <summary>The guest has ended and all is drained, or another host has it: nothing is kept here.</summary>
    public void Forget()
    {
        Disks.Forget();
        DrainMark.Clear(_guest.Options);
    }

    public void Dispose() => Disks.Dispose();

    // The backup, or QEMU, would open what is there now.
    private void RequireImagesInPlace()
    {
        if (Disks.Displaced.FirstOrDefault(_graph.IsPlugged) is { } displaced)
        {
            throw new NotProtectableException($"the file of {displaced.Called}, {displaced.ImagePath}, was deleted or replaced while the guest runs: shut the guest down and start it again");
        }
    }

    private void RequireDrained()
    {
        if (!Disks.WaitDrained(DrainBeforeHolding))
        {
            throw new NotProtectableException($"disk writes of an earlier time are not in the images yet{Because(Disks.Trouble)}");
        }
    }

    private static string Because(string? trouble) => trouble is null ? string.Empty : $" ({trouble})";

    /// <summary>A guest that its user paused stands still already, and stays so.</summary>
    private void WhileStopped(Action change)
    {
        bool isOurs = _pause.TryPause();
        if (!isOurs && _guest.Connection.Domain.GetState().State is not DomainState.Paused)
        {
            throw new NotProtectableException("the guest neither runs nor is paused: its disks are left alone");
        }
        try
        {
            change();
        }
        catch (BlockGraphException)
        {
            // What the device would write to is not known: a guest that stands still loses nothing.
            _guest.Marker.PausedByUs = false;
            isOurs = false;
            throw;
        }
        finally
        {
            if (isOurs)
            {
                _pause.Resume();
            }
        }
    }
}
