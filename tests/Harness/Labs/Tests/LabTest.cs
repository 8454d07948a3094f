// SPDX-License-Identifier: LGPL-2.1-or-later
using Xunit;

namespace Hikae.Harness.Labs.Tests;

/// <summary>A test on a shared lab. When it fails its report ends with the logs of both hosts.</summary>
public abstract class LabTest : IDisposable
{
    private readonly SharedLab _shared;

    /// <param name="shared">Where it runs.</param>
    /// <param name="keepsGuest">It may find the guest of <see cref="KeptProtected"/> that another test of its class started.</param>
    protected LabTest(SharedLab shared, bool keepsGuest = false)
    {
        ArgumentNullException.ThrowIfNull(shared);
        _shared = shared;
        Lab = shared.Swept(keepsGuest);
    }

    /// <summary>A guest that says what it does on its serial console only: nothing of it needs to be held back.</summary>
    protected static LabGuestOptions Quiet { get; } = new() { Protect = "hostB", MemoryMiB = 128 };

    /// <summary>A guest that is listened to. Its packets and disk writes are not held.</summary>
    protected static LabGuestOptions Talking { get; } = Quiet with { Nic = true, Outputs = "unheld" };

    protected Lab Lab { get; }

    protected LabHost HostA => Lab.HostA;

    protected LabHost HostB => Lab.HostB;

    public void Dispose()
    {
        if (TestContext.Current.TestState?.Result == TestResult.Failed)
        {
            TestContext.Current.TestOutputHelper?.WriteLine(_shared.Logs());
            _shared.KeepNone();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Starts a guest on the first host and waits until it counts and is protected.</summary>
    protected LabGuest StartProtected(string name, LabGuestOptions options) => Protected(Lab.StartGuest(name, options));

    /// <summary>A protected guest that the next test of the class goes on with when it runs where it was, so that not each waits for a boot.</summary>
    protected LabGuest KeptProtected() => Protected(_shared.Keep(() => Lab.StartGuest("kept", Quiet)));

    /// <summary>Runs commands on a host as soon as a condition holds, which is looked at, without a rest, when this returns.</summary>
    protected Task<CommandResult> AsSoonAs(LabHost host, string condition, string commands)
    {
        ArgumentNullException.ThrowIfNull(host);
        const string Looks = "/run/looks";
        host.Shell($"rm -f {Looks}");
        // A thread of its own: the pool's may all be waiting for something.
        Task<CommandResult> done = Task.Factory.StartNew(
            () => host.TryRun("timeout", "170", "bash", "-c", $"touch {Looks}; until {condition}; do :; done; {commands}"),
            CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        Lab.Until("the condition is looked at", () => host.TryRun("test", "-e", Looks).Succeeded);
        return done;
    }

    /// <summary>Unplugs a host from the replication network, and the guest's primary claims it.</summary>
    /// <remarks>Both hosts may claim a guest whose link is cut. The backup stands still here until the primary has: on a busy machine it may be first.</remarks>
    protected static void LoseBackup(LabGuest guest, LabHost primary, LabHost backup, LabHost unplugged)
    {
        ArgumentNullException.ThrowIfNull(guest);
        ArgumentNullException.ThrowIfNull(backup);
        ArgumentNullException.ThrowIfNull(unplugged);
        int sidecar = guest.SidecarOn(backup)!.Value;
        backup.Signal("STOP", sidecar);
        unplugged.Cut("repl");
        guest.WaitForState(primary, "unprotected");
        backup.Signal("CONT", sidecar);
    }

    /// <summary>The guest runs on the first host as if nothing had happened, and the second has not started it.</summary>
    protected void AssertRunsOnlyOnHostA(LabGuest guest)
    {
        ArgumentNullException.ThrowIfNull(guest);
        guest.WaitForProgressOn(HostA);
        // A checkpoint's own pause shows as "paused" for some milliseconds.
        guest.WaitForDomainState(HostA, "running");
        // A domain that was prepared while the link was in doubt is paused until it is taken down.
        Assert.NotEqual("running", guest.StateOn(HostB));
        Lab.Until($"{guest.Name} is absent on {HostB.Name}", () => guest.StateOn(HostB) == "absent");
    }

    private LabGuest Protected(LabGuest guest)
    {
        guest.WaitForProgressOn(HostA);
        guest.WaitForProtected(HostA);
        return guest;
    }
}
