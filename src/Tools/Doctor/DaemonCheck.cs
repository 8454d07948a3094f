// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Control;
using Hikae.Tools.Daemon;

namespace Hikae.Tools.Doctor;

/// <summary>hikaed answers.</summary>
internal sealed class DaemonCheck(string controlSocket) : IDoctorCheck
{
    public IEnumerable<Finding> Run()
    {
        const string Remedy = "systemctl enable --now hikaed; journalctl -u hikaed says why it does not stay up";
        try
        {
            using ControlClient daemon = ControlClient.Connect(controlSocket);
            return [Finding.Ok("hikaed", $"running, knows {daemon.Query().Count} guests")];
        }
        catch (Exception e) when (e is DaemonUnreachableException or IOException or ControlProtocolException)
        {
            return [Finding.Fail("hikaed", e.Message, Remedy)];
        }
    }
}
