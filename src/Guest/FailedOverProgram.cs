// SPDX-License-Identifier: LGPL-2.1-or-later
using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using Hikae.Protocol.Guest;

namespace Hikae.Guest;

/// <summary>Runs what the guest's administrator wants run after a failover; the agent does not wait for it.</summary>
internal sealed class FailedOverProgram(GuestFiles files, TextWriter log)
{
    internal void Start(FailedOver notice)
    {
        if (!File.Exists(files.FailedOverProgram))
        {
            return;
        }

        try
        {
            var program = new ProcessStartInfo(files.FailedOverProgram);
            program.ArgumentList.Add(notice.Generation.ToString(CultureInfo.InvariantCulture));
            using var process = Process.Start(program);
        }
        catch (Exception e) when (e is Win32Exception or IOException)
        {
            log.WriteLine($"{files.FailedOverProgram}: {e.Message}");
        }
    }
}
