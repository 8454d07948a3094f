// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;

namespace Hikae.TwoHosts.Tests;

/// <summary>Three protected guests and one that is not, then a power cut of their host. Done once; the tests look at what became of them.</summary>
public class PowerCut : IDisposable
{
    private readonly LabOptions _options;
    private readonly bool _withOthers;
    private readonly string _name;
    private readonly Lazy<bool> _done;
    private readonly Lazy<bool> _powerBack;
    private Lab? _lab;
    private LabGuest? _talking;
    private LabGuest? _quiet;
    private LabGuest? _unprotected;
    private GuestListener? _talkingLines;
    private GuestListener? _dirtyLines;

    /// <summary>Three guests at once are loud enough that a busy machine keeps one waiting for half a second.</summary>
    public PowerCut()
        : this("cut", new LabOptions { Settings = SharedLab.CalmSettings })
    {
    }

    /// <param name="name">The lab's.</param>
    /// <param name="options">The lab's.</param>
    /// <param name="withOthers">False: only the guests that can be heard.</param>
    protected PowerCut(string name, LabOptions options, bool withOthers = true)
    {
        _name = name;
        _options = options;
        _withOthers = withOthers;
        _done = new Lazy<bool>(Do);
        _powerBack = new Lazy<bool>(BootAndWait);
    }

    internal Lab Lab => _lab!;

    /// <summary>Counts, and says so by network.</summary>
    internal LabGuest Talking => _talking!;

    internal GuestListener TalkingLines => _talkingLines!;

    /// <summary>Counts, and says so on its serial console only.</summary>
    internal LabGuest Quiet => _quiet!;

    /// <summary>Of a guest that rewrites and verifies memory.</summary>
    internal GuestListener DirtyLines => _dirtyLines!;

    /// <summary>Has no annotation.</summary>
    internal LabGuest Unprotected => _unprotected!;

    /// <summary>A number the talking guest had reached in an epoch that was committed well before the cut.</summary>
    internal long CommittedCounter { get; private set; }

    /// <summary>The same of the quiet guest.</summary>
    internal long CommittedQuietCounter { get; private set; }

    internal void Happen() => _ = _done.Value;

    /// <summary>The dead host is booted again, and the talking guest protected again.</summary>
    internal void PowerComesBack()
    {
        Happen();
        _ = _powerBack.Value;
    }

    public void Dispose()
    {
        _talkingLines?.Dispose();
        _dirtyLines?.Dispose();
        _lab?.Dispose();
        GC.SuppressFinalize(this);
    }

    private bool Do()
    {
        _lab = Lab.Up(_name, _options);
        var quiet = new LabGuestOptions { Protect = "hostB", MemoryMiB = 128, Agent = true };
        LabGuestOptions talking = quiet with { Nic = true, Outputs = "unheld" };
        _talking = Lab.StartGuest("talking", talking);
        LabGuest dirty = Lab.StartGuest("dirty", talking with { App = "dirty", Dirty = "16384,512,100" });
        if (_withOthers)
        {
            _quiet = Lab.StartGuest("quiet", quiet);
            _unprotected = Lab.StartGuest("unprotected", new LabGuestOptions { MemoryMiB = 128 });
        }

        _talkingLines = _talking.Listen();
        _dirtyLines = dirty.Listen();

        LabGuest[] guests = _quiet is null ? [_talking, dirty] : [_talking, dirty, _quiet];
        CommittedCounter = _talkingLines.WaitForCounter();
        _dirtyLines.WaitFor("memory ok", line => line.Text.StartsWith("memory ok", StringComparison.Ordinal));
        _unprotected?.WaitForProgressOn(Lab.HostA);
        foreach (LabGuest guest in guests)
        {
            guest.WaitForProtected(Lab.HostA);
        }

        // What these say now is in the checkpoint after next at the latest.
        CommittedCounter = _talkingLines.WaitForProgress();
        CommittedQuietCounter = _quiet?.WaitForProgressOn(Lab.HostA) ?? 0;
        foreach (LabGuest guest in guests)
        {
            ulong held = guest.WaitForState(Lab.HostB, "ready").Epoch;
            // What the agents say is free: without it this would be a power cut of guests whose every page travels.
            guest.WaitForReport(
                Lab.HostB, $"ready two epochs after {held}, with free pages", report => report is { State: "ready", SoftPages.Free: > 0 } && report.Epoch >= held + 2);
        }

        Lab.HostA.Kill();
        foreach (LabGuest guest in guests)
        {
            guest.WaitForDomainState(Lab.HostB, "running");
            Lab.Until($"{guest.Name} is defined", () => Lab.HostB.TryRun("virsh", "-q", "dumpxml", "--inactive", guest.Name).Output.Replace('\'', '"').Contains("backup=\"hostA\"", StringComparison.Ordinal));
        }

        return true;
    }

    private bool BootAndWait()
    {
        Lab.HostA.Boot();
        _talking!.WaitForProtected(Lab.HostB);
        return true;
    }
}
