// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using Hikae.Native.Linux;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Output;

/// <summary>Drops what QEMU still sends for its guest when the lease is over, where it would come out of the guest's tap devices.</summary>
/// <remarks>
/// What this process lets out is in QEMU's hands until that has passed it on. A QEMU that was stopped does so when it wakes, which may be after another host has taken
/// the guest: no process of this host can be trusted to be faster. So the kernel compares the lease's end with its clock for each packet.
///
/// A gate stays where it is when this process dies, as the filters do. The next sidecar takes both away, by the numbers in a file that are written before a gate is
/// put up. Where no gate can be, everything else is as with one.
/// </remarks>
internal sealed class OutputGate(string notes, ILogger logger) : IOutputGate, IDisposable
{
    private readonly Lock _gate = new();

    // guarded by _gate
    private readonly HashSet<int> _guarded = [];
    private readonly HashSet<string> _reported = [];
    private PacketGate? _kernel;
    private long? _until;

    /// <inheritdoc/>
    public void OpenUntil(long timestamp)
    {
        lock (_gate)
        {
            // Two things are confirmed with each epoch, and move it once.
            if (_until != timestamp)
            {
                _until = timestamp;
                _kernel?.OpenUntil(timestamp);
            }
        }
    }

    /// <inheritdoc/>
    public void Open()
    {
        lock (_gate)
        {
            _until = null;
            _kernel?.Open();
        }
    }

    /// <summary>From now on what comes from the interface passes the gate, if it is of a kind that can have one.</summary>
    public void Guard(GuestInterface nic)
    {
        lock (_gate)
        {
            int tap = PacketGate.FindTap(nic.Name);
            try
            {
                if (tap == 0)
                {
                    Report(nic, "it is no tap device of this host");
                }
                else if (_guarded.Add(tap))
                {
                    PacketGate kernel = _kernel ??= Make();
                    File.AppendAllText(notes, string.Create(CultureInfo.InvariantCulture, $"{tap} {kernel.ProgramId}\n"));
                    kernel.Attach(tap);
                }
            }
            catch (Exception error) when (error is LinuxException or IOException or UnauthorizedAccessException)
            {
                _guarded.Remove(tap);
                Report(nic, error.Message);
            }
        }
    }

    /// <summary>Takes all gates of the guest away, also those of an earlier sidecar.</summary>
    /// <exception cref="LinuxException">One could not be taken away: try again.</exception>
    /// <exception cref="IOException">The same.</exception>
    public void RemoveAll()
    {
        lock (_gate)
        {
            if (!File.Exists(notes))
            {
                return;
            }
            foreach (string line in File.ReadLines(notes))
            {
                string[] words = line.Split(' ');
                // A line that was cut short stands for a gate that was not put up.
                if (words.Length == 2 && int.TryParse(words[0], out int tap) && uint.TryParse(words[1], out uint program))
                {
                    PacketGate.Detach(tap, program);
                }
            }
            File.Delete(notes);
            _guarded.Clear();
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _kernel?.Dispose();
            _kernel = null;
        }
    }

    private PacketGate Make()
    {
        var kernel = new PacketGate();
        if (_until is { } until)
        {
            kernel.OpenUntil(until);
        }
        return kernel;
    }

    private void Report(GuestInterface nic, string why)
    {
        // Each session asks again.
        if (_reported.Add(nic.Name))
        {
            logger.NoOutputGate(nic.Name, why);
        }
    }
}
