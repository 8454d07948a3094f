// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Hikae.Bench.Measuring;
using Hikae.Harness.Labs;

namespace Hikae.Bench.Benchmarks;

/// <summary>A guest that is checkpointed in step with what it writes, and verifies its memory.</summary>
internal sealed class DirtyGuest
{
    /// <summary>New content for every page that it writes.</summary>
    public static readonly DirtyGuest Dense = new("dirty", "65536,1024,100", "writes 1 MB of a 64 MiB region each 100 ms and verifies it");

    /// <summary>As one that keeps counters and trees: of a page that it writes nearly all stays.</summary>
    public static readonly DirtyGuest Sparse = new("sparse", "4096,1024,100,6", "writes 8 words of each of 256 pages of a 4 MiB region each 100 ms and verifies it");

    // The first checkpoint and the guest's boot are another matter.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(5);

    private readonly string _dirty;

    private DirtyGuest(string name, string dirty, string writes)
    {
        (Name, _dirty) = (name, dirty);
        Description = $"512 MiB, 1 virtual processor, {writes}; interval 100 ms; no disk, no interface";
    }

    public string Name { get; }

    public string Description { get; }

    /// <summary>Starts it on the first host and returns when the second one follows.</summary>
    public LabGuest StartProtected(Lab lab, BenchmarkOptions options)
    {
        options.Say("starting the guest");
        LabGuest guest = lab.StartGuest(
            Name,
            new LabGuestOptions { MemoryMiB = 512, App = "dirty", Dirty = _dirty, Protect = lab.HostB.Name, IntervalMs = 100 });
        Waiting.UntilProtected(lab, lab.HostA, Name);
        Thread.Sleep(Settling);
        return guest;
    }

    /// <summary>What was replicated since the session began.</summary>
    public JsonElement Replicated(Lab lab) => GuestStatusReader.Read(lab.HostA, Name).GetProperty("replicated");
}
