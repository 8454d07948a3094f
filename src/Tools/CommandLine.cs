// SPDX-License-Identifier: LGPL-2.1-or-later
using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Control;
using Hikae.Tools.Commands;
using Hikae.Tools.Daemon;
using Hikae.Tools.Libvirt;

namespace Hikae.Tools;

/// <summary>hikae's commands, and what becomes of their errors.</summary>
internal static class CommandLine
{
    internal static RootCommand Build(Surroundings surroundings) => new("Keeps libvirt guests alive when their host dies.")
    {
        StatusCommand.Build(surroundings),
        EnableCommand.Build(surroundings),
        DisableCommand.Build(surroundings),
        FailoverCommand.Build(surroundings),
        DoctorCommand.Build(surroundings),
    };

    internal static int Run(string[] arguments, Surroundings surroundings)
    {
        ParseResult parsed = Build(surroundings).Parse(arguments);
        if (parsed.Action is ParseErrorAction)
        {
            foreach (ParseError error in parsed.Errors)
            {
                surroundings.Errors.WriteLine($"hikae: {error.Message}");
            }

            surroundings.Errors.WriteLine("hikae: see hikae --help");
            return ExitCode.Usage;
        }

        try
        {
            return parsed.Invoke(new InvocationConfiguration
            {
                Output = surroundings.Output,
                Error = surroundings.Errors,
                EnableDefaultExceptionHandler = false,
            });
        }
        catch (DaemonUnreachableException e)
        {
            surroundings.Errors.WriteLine($"hikae: {e.Message}");
            return ExitCode.NoDaemon;
        }
        catch (Exception e) when (e is VirshException or ConfigurationException or ControlProtocolException or IOException)
        {
            surroundings.Errors.WriteLine($"hikae: {e.Message}");
            return ExitCode.Failed;
        }
    }
}
