// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;
using Hikae.Tools.Daemon;

namespace Hikae.Tools.Doctor;

/// <summary>hikaed answers.</summary>
internal sealed class DaemonCheck(HostFiles host, string controlSocket) : IDoctorCheck
{
    // What sd_booted(3) looks for.
    private const string SystemdRuns = "/run/systemd/system";

    public IEnumerable<Finding> Run()
    {
        string remedy = host.Exists(SystemdRuns)
            ? "systemctl enable --now hikaed; journalctl -u hikaed says why it does not stay up"
            : "have this host's service manager run /usr/sbin/hikaed; it stays in the foreground, and its standard error says why it does not stay up";
        try
        {
            using ControlClient daemon = ControlClient.Connect(controlSocket);
            return [Finding.Ok("hikaed", $"running, knows {daemon.Query().Count} guests")];
        }
        catch (Exception e) when (e is DaemonUnreachableException or IOException or ControlProtocolException)
        {
            return [Finding.Fail("hikaed", e.Message, remedy)];
        }
    }
}
