// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Native.Libvirt;
using Hikae.Native.Linux;
using Hikae.Protocol.Control;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Epoch;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Output;

/// <summary>All packets a guest sends, on their way from the guest to the network. Outlives replication sessions.</summary>
/// <remarks>
/// Theory of operation. A session puts a filter in front of each interface; until its first checkpoint packets pass. From then on
/// they wait for their epoch's commit. When the session is over they go on waiting, as long as nobody knows who may run the guest: then either all
/// leave (<see cref="ReleaseAll"/>, this host alone) or none ever does (<see cref="DropAll"/>, another host). Filters are taken away
/// when packets need not wait any more: without us in the way a dying sidecar cannot cut the guest off.
///
/// A sidecar that is killed leaves filters whose sockets are closed, and QEMU drops what the guest sends: nothing uncommitted leaks.
/// The next sidecar takes the filters away as soon as it knows that the guest may run here.
/// </remarks>
internal sealed class GuestOutput : IDisposable
{
    /// <summary>As many bytes of packets wait for one interface; what comes beyond is dropped, as a full network card drops.</summary>
    // Two epochs of a second at 256 Mbit/s: whoever fills it is faster than any backup can follow.
    internal const long MaxHeldBytes = 64 * 1024 * 1024;

    private static readonly TimeSpan DrainPatience = TimeSpan.FromSeconds(2);

    // An interface that is being unplugged is gone from QEMU a moment before it is gone from the XML.
    private static readonly TimeSpan UnplugPoll = TimeSpan.FromMilliseconds(50);
    private const int UnplugPolls = 40;

    private readonly GuestConnection _guest;
    private readonly int _qemuPid;
    private readonly Func<bool> _hasExited;
    private readonly InterfaceFilters _filters;
    private readonly OutputGate _gate;
    private readonly ILogger _logger;
    private readonly Lock _changes = new();

    // guarded by _changes; true at first, for what an earlier sidecar may have left
    private bool _mayHaveFilters = true;

    // written under _changes, read by any thread
    private volatile HeldInterface[] _held = [];
    private volatile Action _packetWaits = () => { };
    private volatile bool _isHolding;

    public GuestOutput(GuestConnection guest, QemuMonitor monitor, QemuProcess process, OutputGate gate, ILogger logger)
    {
        _gate = gate;
        _guest = guest;
        _qemuPid = process.Pid;
        _hasExited = () => process.HasExited;
        _filters = new InterfaceFilters(monitor);
        _logger = logger;
    }

    /// <summary>Asked right before each write to the network. False: what was released waits, until <see cref="TryAgain"/>. Set once.</summary>
    public Func<bool> MayLeave { get; set; } = static () => true;

    /// <summary>The answer of <see cref="MayLeave"/> is true again. Any thread.</summary>
    public void TryAgain()
    {
        foreach (HeldInterface held in _held)
        {
            held.TryAgain();
        }
    }

    /// <summary>What happens to packets; null when they are not our concern. Any thread.</summary>
    public OutputHold? Hold => (_isHolding, _held.Length) switch
    {
        (_, 0) => null,
        (true, _) => OutputHold.Held,
        _ => OutputHold.Unheld,
    };

    /// <summary>Sums over all interfaces. Any thread.</summary>
    public OutputCounters Counters => _held.Aggregate(default(OutputCounters), (sum, held) => sum + held.Counters);

    /// <summary>Puts filters in front of all interfaces, new ones included, and forgets those that are gone. The guest may run.</summary>
    /// <param name="packetWaits">Called on any thread when a packet waits for a checkpoint.</param>
    /// <returns>The interfaces that had no filter yet.</returns>
    /// <exception cref="NotProtectableException">The packets of an interface cannot be held.</exception>
    public IReadOnlyList<GuestInterface> Follow(Action packetWaits)
    {
        lock (_changes)
        {
            _packetWaits = packetWaits;
            _mayHaveFilters = true;
            IReadOnlySet<string> filters = _filters.List();
            IReadOnlyList<GuestInterface> wanted = Interfaces();
            Forget(held => held.Failure is not null || !filters.Contains(held.Nic.Alias) || !wanted.Contains(held.Nic));
            foreach (string leftover in _filters.ListAll().Except(_held.Select(held => held.Nic.Alias)))
            {
                _filters.Remove(leftover);
            }
            var added = new List<GuestInterface>();
            foreach (GuestInterface nic in wanted.Except(_held.Select(held => held.Nic)))
            {
                if (TryInsert(nic))
                {
                    added.Add(nic);
                }
            }
            return added;
        }
    }

    /// <summary>The guest stands still: what it sends from now on waits.</summary>
    public void BeginHolding()
    {
        _isHolding = true;
        foreach (HeldInterface held in _held)
        {
            held.Hold();
        }
    }

    /// <summary>The guest stands still: what it sent belongs to <paramref name="epoch"/>.</summary>
    public void Seal(EpochId epoch)
    {
        foreach (HeldInterface held in _held)
        {
            held.Seal(epoch);
        }
    }

    /// <summary>Everything through <paramref name="epoch"/> leaves. Any thread; does not wait.</summary>
    public void ReleaseThrough(EpochId epoch)
    {
        foreach (HeldInterface held in _held)
        {
            held.ReleaseThrough(epoch);
        }
    }

    /// <summary>This host alone may run the guest: everything leaves, in order, and all that follows at once.</summary>
    public void ReleaseAll()
    {
        _isHolding = false;
        foreach (HeldInterface held in _held)
        {
            held.PassThrough();
        }
    }

    /// <summary>Another host may run the guest: nothing of this copy leaves any more.</summary>
    public void DropAll()
    {
        foreach (HeldInterface held in _held)
        {
            held.DropAll();
        }
    }

    /// <summary>
    /// Takes all filters away, also those of an earlier sidecar. Packets pass already; so that none overtakes another, the guest stands still for it.
    /// </summary>
    /// <returns>False when something could not be reached: packets still pass through here, try again.</returns>
    public bool TryRemove(IGuestPause pause)
    {
        lock (_changes)
        {
            if (_hasExited())
            {
                Forget(_ => true);
                return true;
            }
            if (!_mayHaveFilters)
            {
                return true;
            }
            try
            {
                // Before the filters: without them nothing else would keep a gate of an earlier sidecar, which is shut, from standing on.
                _gate.RemoveAll();
                IReadOnlySet<string> aliases = _filters.ListAll();
                if (aliases.Count > 0)
                {
                    Remove(aliases, pause);
                }
                Forget(_ => true);
                _mayHaveFilters = false;
                return true;
            }
            catch (Exception error) when (error is LibvirtException or QemuMonitorException or NotProtectableException or LinuxException or IOException)
            {
                _logger.FiltersNotRemoved(error.Message);
                return false;
            }
        }
    }

    public void Dispose() => Forget(_ => true);

    private void Remove(IReadOnlySet<string> aliases, IGuestPause pause)
    {
        bool isPaused = _held.Length > 0 && pause.TryPause();
        try
        {
            foreach (HeldInterface held in _held.Where(held => !held.WaitDrained(DrainPatience)))
            {
                _logger.PacketsNotTaken(held.Nic.Name, held.Counters.HeldBytes);
            }
            _filters.Settle();
            foreach (string alias in aliases)
            {
                _filters.Remove(alias);
            }
        }
        finally
        {
            if (isPaused)
            {
                pause.Resume();
            }
        }
    }

    private IReadOnlyList<GuestInterface> Interfaces() => GuestInterface.Read(_guest.Domain.GetXml(DomainXmlFlags.None));

    private bool TryInsert(GuestInterface nic)
    {
        for (int polls = 0; ; polls++)
        {
            try
            {
                Insert(nic);
                return true;
            }
            catch (QemuMonitorException error)
            {
                if (!Interfaces().Contains(nic))
                {
                    return false;
                }
                if (error.Detail.Contains("Vhost", StringComparison.OrdinalIgnoreCase))
                {
                    throw new NotProtectableException(
                        $"interface {nic.Name} is served by vhost-net, whose packets cannot be held: give it <driver name='qemu'/>");
                }
                if (error.Detail.Contains("multiqueue", StringComparison.OrdinalIgnoreCase))
                {
                    throw new NotProtectableException($"interface {nic.Name} has several queues, and QEMU lets packets be held of one only: remove queues= from its <driver>");
                }
                if (polls == UnplugPolls)
                {
                    throw new NotProtectableException($"the packets of interface {nic.Name} cannot be held: {error.Detail}");
                }
                Thread.Sleep(UnplugPoll);
            }
        }
    }

    private void Insert(GuestInterface nic)
    {
        string directory = DomainDirectory.Find(_guest.Domain)
            ?? throw new NotProtectableException($"libvirt made no directory for domain {_guest.Domain.Id}");
        HeldInterface? held = null;
        try
        {
            using (var sockets = new FilterSockets(directory, _qemuPid))
            {
                (Socket fromGuest, Socket toNetwork) = _filters.Connect(nic, sockets);
                held = new HeldInterface(nic, fromGuest, toNetwork, MaxHeldBytes, () => _packetWaits(), () => MayLeave());
            }
            if (_isHolding)
            {
                held.Hold();
            }
            held.Start();
            _gate.Guard(nic);
            _filters.Insert(nic);
            _held = [.. _held, held];
        }
        catch
        {
            _filters.Remove(nic.Alias);
            held?.Dispose();
            throw;
        }
    }

    private void Forget(Func<HeldInterface, bool> isGone)
    {
        HeldInterface[] gone = [.. _held.Where(isGone)];
        _held = [.. _held.Except(gone)];
        foreach (HeldInterface held in gone)
        {
            held.Dispose();
        }
    }
}
