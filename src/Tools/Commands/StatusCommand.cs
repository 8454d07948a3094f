// SPDX-License-Identifier: LGPL-2.1-or-later
using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using Hikae.Protocol.Control;
using Hikae.Tools.Daemon;
using Hikae.Tools.Display;

namespace Hikae.Tools.Commands;

/// <summary>hikae status: every guest this host protects or keeps a replica of.</summary>
internal static class StatusCommand
{
    internal const string NoGuest = "No guest is annotated on this host; see hikae enable --help.";

    private const double LeastSeconds = 0.1;
    private const double MostSeconds = 3600;

    internal static Command Build(Surroundings surroundings)
    {
        var guest = new Argument<string?>("GUEST")
        {
            Description = "Only this guest, by name or UUID.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var json = new Option<bool>("--json") { Description = "Print everything known, as JSON." };
        var watch = new Option<TimeSpan>("--watch")
        {
            Description = "Show it again each second, or each SECONDS, until Ctrl-C. On a terminal in place, elsewhere one table after another.",
            HelpName = "SECONDS",
            Arity = ArgumentArity.ZeroOrOne,
            CustomParser = Interval,
        };
        var command = new Command("status", "Show how the protection of guests stands on this host.") { guest, json, watch };
        command.Validators.Add(result =>
        {
            if (result.GetResult(watch) is not null && result.GetResult(json) is not null)
            {
                result.AddError("--watch is for people and --json for programs: use one of them");
            }
        });
        command.SetAction(parsed => parsed.GetResult(watch) is null
            ? Run(surroundings, parsed.GetValue(guest), parsed.GetValue(json))
            : StatusWatch.Run(surroundings, parsed.GetValue(guest), parsed.GetValue(watch)));
        return command;
    }

    /// <summary>The statuses that hikaed has; of all guests, or of one.</summary>
    internal static GuestStatus[] Ask(string controlSocket, string? guest)
    {
        using ControlClient daemon = ControlClient.Connect(controlSocket);
        return [.. daemon.Query().Where(status => guest is null || IsNamed(status, guest))];
    }

    internal static string Unknown(string guest) => $"hikaed knows no guest \"{guest}\" on this host; see hikae status and virsh list --all";

    private static int Run(Surroundings surroundings, string? guest, bool asJson)
    {
        GuestStatus[] shown = Ask(surroundings.ControlSocket, guest);
        if (guest is not null && shown.Length == 0)
        {
            surroundings.Errors.WriteLine($"hikae: {Unknown(guest)}");
            return ExitCode.Failed;
        }

        if (asJson)
        {
            surroundings.Output.WriteLine(JsonSerializer.Serialize(shown, ToolsJsonContext.Default.IReadOnlyListGuestStatus));
        }
        else if (shown.Length == 0)
        {
            surroundings.Output.WriteLine(NoGuest);
        }
        else
        {
            StatusTable.Write(shown, surroundings.Output, surroundings.IsTerminal);
        }

        return ExitCode.Done;
    }

    private static TimeSpan Interval(ArgumentResult result)
    {
        if (result.Tokens.Count == 0)
        {
            return TimeSpan.FromSeconds(1);
        }

        string word = result.Tokens[0].Value;
        if (double.TryParse(word, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds)
            && seconds is >= LeastSeconds and <= MostSeconds)
        {
            return TimeSpan.FromSeconds(seconds);
        }

        result.AddError($"--watch takes a number of seconds from {LeastSeconds.ToString(CultureInfo.InvariantCulture)} to {MostSeconds}, not \"{word}\"; a guest stands before it");
        return default;
    }

    private static bool IsNamed(GuestStatus status, string guest) =>
        status.Guest == guest || (Guid.TryParse(guest, out Guid uuid) && status.Uuid == uuid);
}
