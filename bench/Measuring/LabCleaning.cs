// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Runtime.InteropServices;
using Hikae.Harness;

namespace Hikae.Bench.Measuring;

/// <summary>Takes the lab down when the benchmark is interrupted or told to end; nothing of it stays.</summary>
internal sealed class LabCleaning : IDisposable
{
    // As a shell says it: 128 and the signal's number.
    private const int Interrupted = 130;
    private const int Terminated = 143;

    private readonly string _benchmark;
    private readonly PosixSignalRegistration[] _signals;

    public LabCleaning(string benchmark)
    {
        _benchmark = benchmark;
        _signals =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context => End(context, Interrupted)),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => End(context, Terminated)),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => End(context, Terminated)),
        ];
    }

    public void Dispose()
    {
        foreach (PosixSignalRegistration signal in _signals)
        {
            signal.Dispose();
        }
    }

    private void End(PosixSignalContext context, int exitCode)
    {
        context.Cancel = true;
        Console.Error.WriteLine("bench: interrupted, cleaning up");
        // In a session of its own: a second Ctrl-C must not end it half-way.
        var start = new ProcessStartInfo("setsid", ["--wait", Repository.PathOf("lab", "lab"), "down"]);
        start.Environment["HIKAE_LAB"] = $"{Environment.GetEnvironmentVariable("HIKAE_LAB")}-{_benchmark}";
        using (Process down = Process.Start(start)!)
        {
            down.WaitForExit();
        }
        Environment.Exit(exitCode);
    }
}
