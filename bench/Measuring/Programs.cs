// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Harness;

namespace Hikae.Bench.Measuring;

/// <summary>The programs that are measured: what ./publish leaves in artifacts/bin.</summary>
internal static class Programs
{
    /// <summary>Publishes those that are missing or older than their sources.</summary>
    public static void Publish(Action<string> say, string[] programs)
    {
        say("publishing programs that are missing or older than their sources");
        // Its output goes to standard error: standard output belongs to the result.
        using Process publish = Process.Start(new ProcessStartInfo(
            "bash", ["-c", "exec \"$@\" >&2", "publish", Repository.PathOf("publish"), "--if-stale", .. programs]))!;
        publish.WaitForExit();
        if (publish.ExitCode != 0)
        {
            throw new InvalidOperationException("./publish failed.");
        }
    }
}
