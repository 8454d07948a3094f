// SPDX-License-Identifier: LGPL-2.1-or-later
using System.CommandLine;
using System.Text.Json;
using Hikae.Protocol.Control;
using Hikae.Tools.Daemon;
using Hikae.Tools.Display;

namespace Hikae.Tools.Commands;

/// <summary>hikae status: every guest this host protects or keeps a replica of.</summary>
internal static class StatusCommand
{
    internal static Command Build(Surroundings surroundings)
    {
        var guest = new Argument<string?>("GUEST")
        {
            Description = "Only this guest, by name or UUID.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var json = new Option<bool>("--json") { Description = "Print everything known, as JSON." };
        var command = new Command("status", "Show how the protection of guests stands on this host.") { guest, json };
        command.SetAction(parsed => Run(surroundings, parsed.GetValue(guest), parsed.GetValue(json)));
        return command;
    }

    private static int Run(Surroundings surroundings, string? guest, bool asJson)
    {
        IReadOnlyList<GuestStatus> all;
        using (ControlClient daemon = ControlClient.Connect(surroundings.ControlSocket))
        {
            all = daemon.Query();
        }

        GuestStatus[] shown = [.. all.Where(status => guest is null || IsNamed(status, guest))];
        if (guest is not null && shown.Length == 0)
        {
            surroundings.Errors.WriteLine($"hikae: hikaed knows no guest \"{guest}\" on this host; see hikae status and virsh list --all");
            return ExitCode.Failed;
        }

        if (asJson)
        {
            surroundings.Output.WriteLine(JsonSerializer.Serialize(shown, ToolsJsonContext.Default.IReadOnlyListGuestStatus));
        }
        else if (shown.Length == 0)
        {
            surroundings.Output.WriteLine("No guest is annotated on this host; see hikae enable --help.");
        }
        else
        {
            StatusTable.Write(shown, surroundings.Output, surroundings.IsTerminal);
        }

        return ExitCode.Done;
    }

    private static bool IsNamed(GuestStatus status, string guest) =>
        status.Guest == guest || (Guid.TryParse(guest, out Guid uuid) && status.Uuid == uuid);
}
