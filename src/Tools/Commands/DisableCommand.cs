// SPDX-License-Identifier: LGPL-2.1-or-later
using System.CommandLine;
using Hikae.Protocol.Annotation;
using Hikae.Tools.Libvirt;

namespace Hikae.Tools.Commands;

/// <summary>hikae disable: removes the annotation. The sidecar drains what it holds and goes.</summary>
internal static class DisableCommand
{
    internal static Command Build(Surroundings surroundings)
    {
        var guest = new Argument<string>("GUEST") { Description = "The guest, by name or UUID." };
        var command = new Command("disable", "Protect a guest no longer. It runs on.") { guest };
        command.SetAction(parsed => Run(surroundings, parsed.GetRequiredValue(guest)));
        return command;
    }

    private static int Run(Surroundings surroundings, string guest)
    {
        var virsh = new VirshProgram(surroundings.Virsh);
        DomainInfo domain = virsh.Info(guest);

        // libvirt keeps the annotation of the running guest and that of its next start apart, and refuses to remove what is not there.
        bool live = domain.IsActive && IsAnnotated(virsh.Xml(guest, inactive: false));
        bool config = domain.IsPersistent && IsAnnotated(virsh.Xml(guest, inactive: true));
        if (!live && !config)
        {
            surroundings.Output.WriteLine($"{guest} was not to be protected; nothing changed");
            return ExitCode.Done;
        }

        virsh.RemoveMetadata(guest, live, config);
        surroundings.Output.WriteLine($"{guest} is not to be protected any more");
        return ExitCode.Done;
    }

    private static bool IsAnnotated(string xml) => ProtectAnnotation.TryParse(xml, out _, out _) != AnnotationOutcome.None;
}
