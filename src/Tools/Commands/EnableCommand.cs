// SPDX-License-Identifier: LGPL-2.1-or-later
using System.CommandLine;
using Hikae.Protocol.Annotation;
using Hikae.Protocol.Configuration;
using Hikae.Tools.Libvirt;

namespace Hikae.Tools.Commands;

/// <summary>hikae enable: writes the annotation that hook and daemon look for.</summary>
internal static class EnableCommand
{
    internal static Command Build(Surroundings surroundings)
    {
        var guest = new Argument<string>("GUEST") { Description = "The guest, by name or UUID." };
        var backup = new Option<string>("--backup")
        {
            Description = "The host that keeps the replica: HOST or HOST:PORT.",
            HelpName = "HOST",
            Required = true,
        };
        var outputs = new Option<string>("--outputs")
        {
            Description = "held: packets wait for the commit (default). unheld: they leave at once, and a failover may forget what clients saw.",
            HelpName = "held|unheld",
        };
        outputs.AcceptOnlyFromAmong("held", "unheld");
        var priority = new Option<int?>("--priority")
        {
            Description = $"0 to {ProtectAnnotation.MaxPriority}: guests with the higher number are continued first (default {ProtectAnnotation.DefaultPriority}).",
            HelpName = "N",
        };
        var command = new Command("enable", "Protect a guest, now if it runs and at each start.") { guest, backup, outputs, priority };
        command.SetAction(parsed => Run(
            surroundings, parsed.GetRequiredValue(guest), parsed.GetRequiredValue(backup), parsed.GetValue(outputs), parsed.GetValue(priority)));
        return command;
    }

    private static int Run(Surroundings surroundings, string guest, string backup, string? outputs, int? priority)
    {
        if (!HostAddress.TryParse(backup, out HostAddress? address))
        {
            surroundings.Errors.WriteLine($"hikae: \"{backup}\" is no host; use HOST or HOST:PORT");
            return ExitCode.Usage;
        }

        if (priority is < 0 or > ProtectAnnotation.MaxPriority)
        {
            surroundings.Errors.WriteLine($"hikae: {priority} is no priority; use 0 to {ProtectAnnotation.MaxPriority}");
            return ExitCode.Usage;
        }

        if (IsThisHost(surroundings, address))
        {
            surroundings.Errors.WriteLine($"hikae: {address.Host} is this host; a guest's backup must be another one");
            return ExitCode.Usage;
        }

        var virsh = new VirshProgram(surroundings.Virsh);
        DomainInfo domain = virsh.Info(guest);

        // What the guest already says and this command line does not stays as it is.
        AnnotationOutcome outcome = ProtectAnnotation.TryParse(virsh.Xml(guest, inactive: !domain.IsActive), out ProtectAnnotation? known, out _);
        ProtectAnnotation annotation = outcome == AnnotationOutcome.Valid ? known!.WithBackup(address) : new ProtectAnnotation(address);
        if (outputs is not null)
        {
            annotation = annotation with { Outputs = outputs == "unheld" ? GuestOutputs.Unheld : GuestOutputs.Held };
        }

        if (priority is int wanted)
        {
            annotation = annotation with { Priority = wanted };
        }

        virsh.SetMetadata(guest, annotation.ToMetadataXml(), live: domain.IsActive, config: domain.IsPersistent);
        surroundings.Output.WriteLine(domain.IsActive
            ? $"{guest} gets a replica on {address}; watch it with: hikae status"
            : $"{guest} gets a replica on {address} when it is started");
        return ExitCode.Done;
    }

    private static bool IsThisHost(Surroundings surroundings, HostAddress backup) =>
        backup.Host is "localhost" or "127.0.0.1" or "::1"
        || string.Equals(backup.Host, ConfigurationFile.Read(surroundings.ConfigurationFile).HostName, StringComparison.OrdinalIgnoreCase);
}
