// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Tools.Libvirt;

namespace Hikae.Tools.Doctor;

/// <summary>libvirt answers, and it and its QEMU are new enough.</summary>
internal sealed class LibvirtCheck(VirshProgram virsh, Distribution distribution) : IDoctorCheck
{
    private static readonly Version NeededLibvirt = new(8, 2); // virDomainQemuMonitorCommandWithFiles
    private static readonly Version NeededQemu = new(8, 1); // x-query-ramblock prints host addresses

    public IEnumerable<Finding> Run()
    {
        string versions;
        try
        {
            versions = virsh.Version();
        }
        catch (VirshException e)
        {
            return [Finding.Fail("libvirt", Display.Printable.Line(e.Message), distribution.Libvirt)];
        }

        return
        [
            Compare("libvirt", VersionText.After("Running against daemon:", versions), NeededLibvirt, $"use {distribution.Enough}"),
            Compare("QEMU", VersionText.After("Running hypervisor:", versions), NeededQemu, $"{distribution.Qemu}, on {distribution.Enough}"),
        ];
    }

    private static Finding Compare(string subject, Version? found, Version needed, string remedy) => found switch
    {
        null => Finding.Fail(subject, $"libvirt does not say which {subject} it uses", remedy),
        _ when found < needed => Finding.Fail(subject, $"{subject} {found}, and {needed} is needed", remedy),
        _ => Finding.Ok(subject, $"{subject} {found}"),
    };
}
