// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Runtime.InteropServices;
using Hikae.Protocol.Control;
using Hikae.Tools.Daemon;
using Hikae.Tools.Display;
using Spectre.Console;

namespace Hikae.Tools.Commands;

/// <summary>hikae status --watch: the table again and again, until somebody has seen enough.</summary>
/// <remarks>
/// Each time is a conversation of its own, so a hikaed that is restarted meanwhile is found again, and while there is none the frame says so and shows
/// no guest: what was known before could be wrong now. Neither cursor nor modes of the terminal are changed, so that a kill leaves it usable as well.
/// </remarks>
internal sealed class StatusWatch(Surroundings surroundings, string? guest, TimeSpan interval)
{
    private readonly ScreenFrame? _screen = surroundings.CanRedraw ? new ScreenFrame(surroundings.LastingOutput(), surroundings.ScreenSize) : null;

    private readonly TextWriter _output = surroundings.LastingOutput();

    private long? _silentSince;

    internal static int Run(Surroundings surroundings, string? guest, TimeSpan interval)
    {
        using var ending = new CancellationTokenSource();
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        using PosixSignalRegistration term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        return new StatusWatch(surroundings, guest, interval).RunAsync(ending.Token).GetAwaiter().GetResult();

        void End(PosixSignalContext signal)
        {
            signal.Cancel = true;
            ending.Cancel();
        }
    }

    internal async Task<int> RunAsync(CancellationToken ending)
    {
        try
        {
            while (true)
            {
                await ShowAsync(ending).ConfigureAwait(false);
                await Task.Delay(interval, surroundings.Clock, ending).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            _screen?.End();
        }
        catch (IOException)
        {
            // Whoever read the tables has gone.
        }

        return ExitCode.Done;
    }

    private async Task ShowAsync(CancellationToken ending)
    {
        GuestStatus[] shown;
        try
        {
            // On another thread, so that Ctrl-C need not wait for a hikaed that does not answer.
            shown = await Task.Run(() => StatusCommand.Ask(surroundings.ControlSocket, guest), CancellationToken.None).WaitAsync(ending).ConfigureAwait(false);
        }
        catch (Exception e) when (e is DaemonUnreachableException or ControlProtocolException or IOException)
        {
            _silentSince ??= surroundings.Clock.GetTimestamp();
            double seconds = surroundings.Clock.GetElapsedTime(_silentSince.Value).TotalSeconds;
            Show($"{Printable.Line(e.Message)}\nNo answer for {seconds.ToString("0", CultureInfo.InvariantCulture)} s; asking again.");
            return;
        }

        _silentSince = null;
        if (shown.Length == 0)
        {
            Show(guest is null ? StatusCommand.NoGuest : StatusCommand.Unknown(Printable.Line(guest)));
        }
        else if (_screen is not null)
        {
            _screen.Draw(StatusTable.Build(shown));
        }
        else
        {
            StatusTable.Write(shown, _output, isTerminal: false);
            _output.WriteLine();
        }
    }

    private void Show(string sentence)
    {
        if (_screen is not null)
        {
            _screen.Draw(new Text(sentence));
        }
        else
        {
            _output.WriteLine(sentence + "\n");
        }
    }
}
