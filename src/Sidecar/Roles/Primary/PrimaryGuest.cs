// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Native.Linux;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Classify;
using Hikae.Sidecar.Disk.Primary;
using Hikae.Sidecar.Epoch;
using Hikae.Sidecar.Output;
using Hikae.Sidecar.Recovery;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>The running guest that this sidecar protects, with everything that outlives one replication session.</summary>
internal sealed class PrimaryGuest : IDisposable
{
    // Of a QEMU that has failed at its monitor because it dies.
    private static readonly TimeSpan ExitPatience = TimeSpan.FromMilliseconds(50);

    // Longer than the hook's word is waited for: the claim and the goodbye that follow need the link.
    private static readonly TimeSpan ReleasePatience = ReleaseReason.Patience + TimeSpan.FromSeconds(5);

    public PrimaryGuest(SidecarOptions options, GuestConnection connection, QemuProcess process, GuestAgent agent, ILogger logger)
    {
        Options = options;
        Connection = connection;
        Process = process;
        Agent = agent;
        Name = connection.Domain.Name;
        Monitor = new QemuMonitor(() => connection.Domain);
        IoThreads = new IoThreads(Monitor, process.Pid);
        Marker = SidecarMarker.Open(options.RunFile("state"));
        Gate = new OutputGate(options.RunFile("gates"), logger);
        Output = new GuestOutput(connection, Monitor, process, Gate, logger);
        FirstWrite = new Lazy<TimeSpan>(() => MeasureFirstWrite(logger));
    }

    public SidecarOptions Options { get; }

    public string Name { get; }

    public GuestConnection Connection { get; }

    public QemuMonitor Monitor { get; }

    public QemuProcess Process { get; }

    public IoThreads IoThreads { get; }

    public SidecarMarker Marker { get; }

    /// <summary>What the first write to a protected page costs it; zero where that cannot be measured. The machine's, so measured once.</summary>
    public Lazy<TimeSpan> FirstWrite { get; }

    /// <summary>This host's right to let the guest's output and writes out. Set once, before anything is claimed.</summary>
    public LeaseKeeper Lease { get; set; } = null!;

    /// <summary>Its disks as far as they are served. Set once, before libvirt was asked anything; the caller's.</summary>
    public required GuestDisks Disks { get; init; }

    /// <summary>What runs in the guest and tells of its memory, if something does; the caller's.</summary>
    public GuestAgent Agent { get; }

    public GuestOutput Output { get; }

    /// <summary>The kernel's part in it.</summary>
    public OutputGate Gate { get; }

    /// <summary>When its processors stood, as QEMU tells.</summary>
    public Standstills Standstills { get; } = new();

    /// <summary>
    /// Runs what fails when QEMU ends. Why it ended is known a moment later, from libvirt's hook, which ends the token; until then nothing is thrown, so that the
    /// link is there to tell the backup.
    /// </summary>
    public void WhileItLives(Action<CancellationToken> body, CancellationToken cancellationToken)
    {
        try
        {
            body(cancellationToken);
        }
        catch (Exception error) when (error is not FencedException && !cancellationToken.IsCancellationRequested && Process.WaitForExit(ExitPatience))
        {
            cancellationToken.WaitHandle.WaitOne(ReleasePatience);
            throw;
        }
    }

    public void Dispose()
    {
        Output.Dispose();
        Gate.Dispose();
        Marker.Dispose();
    }

    private static TimeSpan MeasureFirstWrite(ILogger logger)
    {
        try
        {
            TimeSpan cost = FirstWriteCost.Measure();
            logger.FirstWriteMeasured(Math.Round(cost.TotalMicroseconds, 1));
            return cost;
        }
        catch (LinuxException e)
        {
            logger.FirstWriteNotMeasured(e.Message);
            return TimeSpan.Zero;
        }
    }
}
