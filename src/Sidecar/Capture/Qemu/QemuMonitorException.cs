// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Capture;

/// <summary>QEMU answered a monitor command with an error, or with something that is no answer. The guest keeps running.</summary>
internal sealed class QemuMonitorException(string command, string detail) : Exception($"QEMU's {command}: {detail}")
{
    /// <summary>QEMU's own words.</summary>
    public string Detail { get; } = detail;
}
