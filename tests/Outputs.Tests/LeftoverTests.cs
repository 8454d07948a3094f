// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Outputs.Tests;

public sealed class LeftoverTests(OutputsLab shared) : LabTest(shared)
{
    [Fact]
    public void An_ended_guest_leaves_nothing_on_either_host()
    {
        LabGuest guest = StartProtected("leaves", Quiet);

        HostA.Virsh("destroy", guest.Name);
        guest.WaitForNoReport(HostB);

        foreach (LabHost host in Lab.Hosts)
        {
            Lab.Until($"{host.Name} has no sidecar", () => guest.SidecarOn(host) is null);
            Assert.Equal("", host.Shell($"ls /run/hikae | grep {guest.Uuid} | grep -v [.]lock; true"));
            Assert.Equal("", host.Shell("ls -A /dev/shm"));
            Assert.Equal("", host.Shell("virsh -q list --name"));
        }
    }

    [Fact]
    public void A_lab_that_went_down_leaves_nothing_on_this_machine()
    {
        string folder;
        using (Lab lab = Lab.Up("leftover", new LabOptions { Settings = SharedLab.CalmSettings }))
        {
            LabGuest guest = lab.StartGuest("short", Quiet);
            guest.WaitForProtected(lab.HostA);
            folder = Path.GetDirectoryName(lab.SharedFolder)!;
            Assert.NotEmpty(ProcessesOf(folder));
        }

        Assert.False(Directory.Exists(folder));
        Assert.Empty(ProcessesOf(folder));
        Assert.DoesNotContain(folder, File.ReadAllText("/proc/self/mounts"), StringComparison.Ordinal);
    }

    /// <summary>Mounts, namespaces and shared memory of a lab live as long as a process in its namespaces, and all of those see its folder mounted.</summary>
    private static string[] ProcessesOf(string folder) => [.. Directory.GetDirectories("/proc").Where(process => int.TryParse(Path.GetFileName(process), out _) && Sees(process, folder))];

    private static bool Sees(string process, string folder)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "mountinfo")).Contains(folder, StringComparison.Ordinal);
        }
        catch (IOException)
        {
            // It ended meanwhile.
            return false;
        }
    }
}
