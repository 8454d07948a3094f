// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;

namespace Hikae.Harness.Labs;

/// <summary>Hears what a guest says to the test client, from any host it runs on. Everything heard is kept, in order of arrival.</summary>
public sealed class GuestListener : IDisposable
{
    private readonly LabGuest _guest;
    private readonly Process _process;

    // guarded by _gate
    private readonly Lock _gate = new();
    private readonly List<GuestLine> _lines = [];

    internal GuestListener(LabGuest guest, ProcessStartInfo start)
    {
        _guest = guest;
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Add(line.Data);
        _process.BeginOutputReadLine();
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
    }

    /// <summary>All lines so far.</summary>
    public IReadOnlyList<GuestLine> Lines
    {
        get
        {
            lock (_gate)
            {
                return [.. _lines];
            }
        }
    }

    /// <summary>All numbers of counter lines so far.</summary>
    public IReadOnlyList<long> Counters => [.. Lines.Where(line => line.Counter is not null).Select(line => line.Counter!.Value)];

    /// <summary>Waits for a line that comes after the first <paramref name="heardBefore"/> ones.</summary>
    /// <param name="what">For the message when it does not come.</param>
    /// <param name="isWanted">The line waited for.</param>
    /// <param name="heardBefore">The number of lines to pass over, for instance <c>Lines.Count</c> of a moment ago; lines on their way then may still follow.</param>
    public GuestLine WaitFor(string what, Func<GuestLine, bool> isWanted, int heardBefore = 0) => _guest.Lab.Eventually(
        $"{_guest.Name} says {what} (last heard: {(Lines is [.., var last] ? last.Text : "nothing")})",
        () => Lines.Skip(heardBefore).FirstOrDefault(isWanted));

    /// <summary>Waits until the guest's counter was heard.</summary>
    public long WaitForCounter() => WaitForCounterAbove(0);

    /// <summary>Waits until the guest's counter exceeds a number.</summary>
    public long WaitForCounterAbove(long number) => WaitFor($"a counter above {number}", line => line.Counter > number).Counter!.Value;

    /// <summary>Waits until the guest counts on from now: a number above all heard so far.</summary>
    public long WaitForProgress() => WaitForCounterAbove(Counters.DefaultIfEmpty(0).Max());

    /// <inheritdoc/>
    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }

    private void Add(string? line)
    {
        if (line is null)
        {
            return;
        }

        lock (_gate)
        {
            _lines.Add(GuestLine.Parse(line));
        }
    }
}
