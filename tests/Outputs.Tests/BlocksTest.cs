// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Text.RegularExpressions;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Outputs.Tests;

/// <summary>Guests whose disks are held: they write and read back with sequence numbers all the time, and say so on their console.</summary>
public abstract partial class BlocksTest(SharedLab lab) : LabTest(lab)
{
    protected static LabGuestOptions Blocks { get; } = Quiet with { App = "blocks", Append = "hikae.pace=50", Data = ["virtio,qcow2,64M,iothread", "scsi,raw,64M"] };

    protected LabGuest StartBlocks(string name, LabGuestOptions? options = null)
    {
        LabGuest guest = Lab.StartGuest(name, options ?? Blocks);
        guest.WaitForProtected(HostA);
        return guest;
    }

    /// <summary>Every disk goes on being written and read back, from now on, on this host.</summary>
    protected void WaitForOperations(LabGuest guest, LabHost host)
    {
        int heard = guest.SerialOn(host).Length;
        int disks = guest.Xml.Split("<disk ").Length - 1;
        Lab.Until($"{disks} disks of {guest.Name} are written on {host.Name}", () =>
            Operations().Matches(guest.SerialOn(host)[heard..]).GroupBy(match => match.Groups["disk"].Value).Count(GoesOn) == disks);
        Assert.DoesNotContain("blocks BAD", guest.SerialOn(host), StringComparison.Ordinal);
    }

    protected void AssertWhole(LabGuest guest)
    {
        foreach (LabHost host in (LabHost[])[HostA, HostB])
        {
            Assert.DoesNotContain("blocks BAD", guest.SerialOn(host), StringComparison.Ordinal);
            // Paused in a checkpoint, it may be; and a backup that lost its link may have made a domain ahead of time, and end it by itself.
            if (guest.StateOn(host) is "running" or "paused")
            {
                host.TryRun("virsh", "-q", "destroy", guest.Name);
                Lab.Until($"{guest.Name} is off on {host.Name}", () => guest.StateOn(host) is "shut off" or "absent");
                guest.WaitForNoReport(host);
            }
        }
        string checkedImage = Lab.Client("qemu-img", "check", Path.Combine(guest.SharedFolder, "data0.qcow2"));
        Assert.Contains("No errors", checkedImage, StringComparison.Ordinal);
    }

    /// <summary>A disk that nobody serves is reported as well, with the same number all the time.</summary>
    private static bool GoesOn(IEnumerable<Match> reports) =>
        reports.Select(report => long.Parse(report.Groups["ops"].Value, CultureInfo.InvariantCulture)).ToList() is var all && all[^1] > all[0] + 2;

    [GeneratedRegex(@"^blocks ok (?<disk>\S+) ops (?<ops>\d+) ", RegexOptions.Multiline)]
    private static partial Regex Operations();
}
