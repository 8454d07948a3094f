// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>The guest that is checkpointed in step with what it writes.</summary>
internal static class DirtyGuest
{
    public const string Name = "dirty";

    public const string Description = "512 MiB, 1 virtual processor, writes 1 MB of a 64 MiB region each 100 ms and verifies it; interval 100 ms; no disk, no interface";

    // The first checkpoint and the guest's boot are another matter.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(5);

    /// <summary>Starts it on the first host and returns when the second one follows.</summary>
    public static LabGuest StartProtected(Lab lab, BenchmarkOptions options)
    {
        options.Say("starting the guest");
        LabGuest guest = lab.StartGuest(
            Name,
            new LabGuestOptions { MemoryMiB = 512, App = "dirty", Dirty = "65536,1024,100", Protect = lab.HostB.Name, IntervalMs = 100 });
        Waiting.UntilProtected(lab, lab.HostA, Name);
        Thread.Sleep(Settling);
        return guest;
    }

    /// <summary>What was replicated since the session began.</summary>
    public static JsonElement Replicated(Lab lab) => GuestStatusReader.Read(lab.HostA, Name).GetProperty("replicated");
}
