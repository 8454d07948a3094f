// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Harness.Labs;
using Hikae.Harness.Ledger.Checking;

namespace Hikae.Harness.Ledger;

/// <summary>A lab's guest that keeps a ledger on its disk, the clients that use it, and what is known of it for certain.</summary>
public sealed class LedgerGuest : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private LedgerState _judged = LedgerState.Empty;
    private int _judgedOperations;
    private Operation[] _previous = [];

    /// <summary>Starts the clients. They go on until <see cref="StopInOrder"/> or <see cref="Dispose"/>.</summary>
    /// <param name="guest">Made with <see cref="Options"/>, running or about to.</param>
    /// <param name="clients">Each has an account and a connection of its own.</param>
    /// <param name="seed">Of what they choose to do.</param>
    public LedgerGuest(LabGuest guest, int clients, int seed)
    {
        ArgumentNullException.ThrowIfNull(guest);
        Guest = guest;
        Workload = new LedgerWorkload(guest.Lab.ClientSocket, guest.Address, clients, seed);
    }

    /// <summary>How such a guest is made: small, so that a replica of it is soon whole.</summary>
    public static LabGuestOptions Options { get; } = new() { MemoryMiB = 128, Nic = true, Disk = "64M", App = "ledger" };

    /// <summary>The guest.</summary>
    public LabGuest Guest { get; }

    /// <summary>Its clients.</summary>
    public LedgerWorkload Workload { get; }

    /// <summary>Outside path of its disk's image.</summary>
    public string Image => Path.Combine(Guest.SharedFolder, "disk.raw");

    /// <summary>Waits until each client was answered this often from now.</summary>
    public void WaitForAnswers(int each)
    {
        int before = Workload.LeastAnswered;
        Guest.Lab.Until($"each client of {Guest.Name} got {each} answers", () => Workload.LeastAnswered >= before + each);
    }

    /// <summary>Lets the clients finish, reads what the ledger holds, and compares all since the last time. They go on afterwards.</summary>
    public IReadOnlyList<Violation> Judge()
    {
        if (!Workload.TryPause(Patience))
        {
            Workload.Resume();
            throw new LabException($"the ledger of {Guest.Name} does not answer\n{Guest.Lab.Logs()}");
        }

        try
        {
            IReadOnlyList<Operation> history = Workload.History.Operations;
            IReadOnlyList<LedgerEntry> entries = Read(_judged.Head + 1);
            Operation[] since = [.. history.Skip(_judgedOperations)];
            // Nothing may go back behind what was told the last time.
            IReadOnlyList<Violation> violations =
                [.. LedgerChecker.Entries(_judged, since, entries), .. LedgerChecker.Monotony([.. _previous, .. since]), .. LedgerChecker.Order(_judged, since)];
            _previous = since;
            foreach (LedgerEntry entry in entries)
            {
                _judged = _judged.With(entry.Account, entry.Sequence, entry.Balance);
            }

            _judgedOperations = history.Count;
            return violations;
        }
        finally
        {
            Workload.Resume();
        }
    }

    /// <summary>What the ledger holds from a position on, by its own word.</summary>
    public IReadOnlyList<LedgerEntry> Read(long from)
    {
        using LedgerConnection connection = LedgerConnection.Open(Guest.Lab.ClientSocket, Guest.Address, Patience);
        return connection.List(from);
    }

    /// <summary>Ends the clients and the guest: the ledger, its file system, then the guest itself.</summary>
    /// <param name="host">Where it runs.</param>
    public void StopInOrder(LabHost host)
    {
        ArgumentNullException.ThrowIfNull(host);
        Workload.Stop();
        Halt(host);
    }

    /// <summary>Ends the guest in order; its clients try on. With its sidecars, so that nothing of it is on its way to the disk any more.</summary>
    public void Halt(LabHost host)
    {
        ArgumentNullException.ThrowIfNull(host);
        Guest.Run("(sleep 3; killall ledger; umount /data; poweroff -f) >/dev/null 2>&1 &");
        Guest.Lab.Until($"{Guest.Name} is off", () => Guest.StateOn(host) is "shut off" or "absent");
        Guest.Lab.Until($"{Guest.Name} has no sidecar", () => Guest.Lab.Hosts.All(other => !other.IsRunning || Guest.SidecarOn(other) is null));
    }

    /// <summary>Compares the whole history with the file on the image of the guest, which is off.</summary>
    public IReadOnlyList<Violation> JudgeFile()
    {
        string copy = Path.Combine(Guest.SharedFolder, "ledger.copy");
        Output("debugfs", "-R", $"dump /ledger {copy}", Image);
        return LedgerChecker.Check(Workload.History.Operations, LedgerFile.Parse(File.ReadAllBytes(copy)));
    }

    /// <summary>What e2fsck says of the image of the guest, which is off; null when it finds nothing.</summary>
    public string? FilesystemFault()
    {
        (int exitCode, string output) = Output("e2fsck", "-fn", Image);
        return exitCode == 0 ? null : output;
    }

    /// <summary>
    /// What e2fsck says of a copy of the image as it is at this moment, while the guest stands still: first the journal is replayed, as at a start after a power cut,
    /// then all is looked at. Null when it finds nothing.
    /// </summary>
    /// <param name="host">Where the guest runs.</param>
    public string? FilesystemFaultOfCopy(LabHost host)
    {
        ArgumentNullException.ThrowIfNull(host);
        string copy = Path.Combine(Guest.SharedFolder, "disk.copy");
        host.Virsh("suspend", Guest.Name);
        try
        {
            // Until no more of what was committed is on its way to the image.
            Guest.Lab.Until("the image is at rest", () =>
                Output("cp", "--sparse=always", Image, copy).ExitCode == 0 && Output("cmp", "-s", Image, copy).ExitCode == 0);
        }
        finally
        {
            host.Virsh("resume", Guest.Name);
        }

        (int exitCode, string output) = Output("e2fsck", "-p", copy);
        if (exitCode is 0 or 1)
        {
            (exitCode, output) = Output("e2fsck", "-fn", copy);
        }

        File.Delete(copy);
        return exitCode == 0 ? null : output;
    }

    /// <inheritdoc/>
    public void Dispose() => Workload.Dispose();

    private static (int ExitCode, string Output) Output(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output + errors.GetAwaiter().GetResult());
    }
}
