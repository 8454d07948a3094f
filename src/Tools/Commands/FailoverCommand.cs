// SPDX-License-Identifier: LGPL-2.1-or-later
using System.CommandLine;
using Hikae.Protocol.Control;
using Hikae.Tools.Daemon;
using Hikae.Tools.Display;

namespace Hikae.Tools.Commands;

/// <summary>hikae failover: the guest continues on the other host.</summary>
internal static class FailoverCommand
{
    internal static Command Build(Surroundings surroundings)
    {
        var guest = new Argument<string>("GUEST") { Description = "The guest, by name or UUID." };
        var command = new Command("failover", "Continue a protected guest on its backup host.") { guest };
        command.SetAction(parsed => Run(surroundings, parsed.GetRequiredValue(guest)));
        return command;
    }

    private static int Run(Surroundings surroundings, string guest)
    {
        using ControlClient daemon = ControlClient.Connect(surroundings.ControlSocket);
        Result result = daemon.Failover(guest);
        (result.Ok ? surroundings.Output : surroundings.Errors).WriteLine(Printable.Line(result.Message));
        return result.Ok ? ExitCode.Done : ExitCode.Failed;
    }
}
