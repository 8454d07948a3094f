// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Harness.Images;
using Hikae.Harness.Labs;
using Hikae.Harness.Ledger;
using Xunit;

namespace Hikae.Owners.Tests;

/// <summary>A protected guest with a ledger on a held disk, and three witnesses that no part of Hikae can speak for: its clients, the LAN's switch, and the image's file system.</summary>
internal sealed class OneOwner : IDisposable
{
    private const int PollsAtRest = 5;

    private readonly Lab _lab;
    private readonly LanWatch _lan;
    private readonly ImageWatch _image;

    /// <summary>Starts it on the first host and waits until it is protected and answers.</summary>
    public OneOwner(Lab lab, string name)
    {
        _lab = lab;
        Guest = lab.Guest(name, LedgerGuest.Options with { Protect = lab.HostB.Name });
        _lan = lab.Watch();
        Guest.Start(lab.HostA);
        Ledger = new LedgerGuest(Guest, clients: 2, seed: 1);
        Ledger.WaitForAnswers(2);
        Guest.WaitForProtected(lab.HostA);
        // What QEMU writes by itself, before the disk is held, is not what is watched here.
        _image = new ImageWatch(Ledger.Image);
        Ledger.WaitForAnswers(2);
    }

    public LabGuest Guest { get; }

    public LedgerGuest Ledger { get; }

    /// <summary>Who has written to the image so far, in order.</summary>
    public IReadOnlyList<string> Writers => [.. _image.Runs.Select(run => run.Host)];

    /// <summary>The name of the newest of its ownership records: no other as long as nobody claims it.</summary>
    public string NewestRecord => Directory.EnumerateFileSystemEntries(Path.Combine(_lab.SharedFolder, "hikae", Guest.Uuid))
        .Select(path => Path.GetFileName(path)).Where(name => name.All(char.IsAsciiDigit)).Max(StringComparer.Ordinal)!;

    /// <summary>Then the guest runs there, and the former owner's lease is over, whatever that host knows.</summary>
    public void WaitUntilImageIsWrittenBy(LabHost host) =>
        _lab.Eventually(
            () => $"{host.Name} writes the image, which was written by {string.Join(", ", Writers)}",
            () => Writers is [.., var last] && last == host.Name ? "" : null);

    /// <summary>Then the guest runs there; the former owner's lease is not over.</summary>
    public void WaitUntilHeardFrom(LabHost host) =>
        _lab.Eventually(
            () => $"{host.Name} is heard, after {string.Join(", then ", _lan.RunsOf(Guest))}",
            () => _lan.RunsOf(Guest) is [.., var last] && last.Host == host.Name ? "" : null);

    /// <summary>Waits until one host knows that it has the guest alone and the other has given it up. The guest answers there.</summary>
    public LabHost WaitForOnlyOwner()
    {
        LabHost owner = _lab.Eventually("one host has the guest alone, and the other has given it up", () => _lab.Hosts.SingleOrDefault(host =>
            Guest.ReportOn(host) is { Stale: false, Role: "primary", State: "unprotected" }
            && _lab.Hosts.Where(other => other != host).All(other => Guest.StateOn(other) is "shut off" or "absent")));
        Ledger.WaitForAnswers(5);
        return owner;
    }

    /// <summary>The guest answers at the end of this time, in which something was amiss.</summary>
    public void WaitForAnswersDuring(TimeSpan time)
    {
        long started = Stopwatch.GetTimestamp();
        _lab.Until("some time is over", () => Stopwatch.GetElapsedTime(started) > time);
        Ledger.WaitForAnswers(5);
    }

    /// <summary>Stops all of a host at a moment when packets that its sidecar has let out lie in QEMU's socket: QEMU has to send them when it wakes.</summary>
    public void Freeze(LabHost host)
    {
        int qemu = Guest.QemuOn(host);
        _lab.Until("QEMU stands still before packets that may leave", () =>
        {
            host.Signal("STOP", qemu);
            for (int poll = 0; poll < PollsAtRest; poll++)
            {
                // Send-Q of the sidecar's end: bytes that QEMU has not read.
                if (host.Shell("ss -xaH | awk '/hikae-net.sock/ && $4 > 0'").Length > 0)
                {
                    return true;
                }
            }
            host.Signal("CONT", qemu);
            return false;
        });
        host.Freeze();
    }

    /// <summary>The guest was heard from, and its image written by, these hosts, one after the other, and nothing it acknowledged is lost or there twice.</summary>
    public void AssertOwners(params LabHost[] owners)
    {
        string[] names = [.. owners.Select(host => host.Name)];
        Assert.Empty(Ledger.Judge());
        AssertHeardFrom(owners);
        Assert.Equal(names, Writers);
        // A checkpoint's own pause shows as "paused" for some milliseconds.
        Assert.Equal(owners[^1], Assert.Single(_lab.Hosts, host => host.IsRunning && Guest.StateOn(host) is "running" or "paused"));
    }

    /// <summary>The guest was heard from these hosts, one after the other.</summary>
    public void AssertHeardFrom(params LabHost[] hosts)
    {
        IReadOnlyList<LanRun> heard = _lan.RunsOf(Guest);
        Assert.True(hosts.Select(host => host.Name).SequenceEqual(heard.Select(run => run.Host)), $"heard from {string.Join(", then ", heard)}");
    }

    /// <summary>Stops the guest in order where it runs. What its image holds then is all it ever acknowledged.</summary>
    public void Stop(LabHost host)
    {
        Ledger.StopInOrder(host);
        AssertDisk();
    }

    /// <summary>The image of the guest, which is off.</summary>
    public void AssertDisk()
    {
        Assert.Empty(Ledger.JudgeFile());
        Assert.Null(Ledger.FilesystemFault());
    }

    public void Dispose()
    {
        Ledger.Dispose();
        _lan.Dispose();
        _image.Dispose();
    }
}
