// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Text.RegularExpressions;
using Hikae.Harness.Labs;

namespace Hikae.TwoHosts.Tests;

/// <summary>A lab host with the QEMU of this machine, where that is older than the lab's, in place of its own; until disposed.</summary>
internal sealed partial class OlderQemu : IDisposable
{
    private const string Program = "/usr/bin/qemu-system-x86_64";

    // Where Debian has them.
    private const string Modules = "/usr/lib/x86_64-linux-gnu/qemu";

    // Of the lab's Debian 13.
    private const int LabMajor = 10;

    private readonly LabHost _host;

    public OlderQemu(LabHost host)
    {
        _host = host;
        host.Shell("mkdir -p /opt/qemu/lib /opt/qemu/modules");
        Copy(Program, "/opt/qemu/qemu-system-x86_64");
        foreach (Match library in Library().Matches(Output("ldd", Program)))
        {
            string path = library.Groups["path"].Value;
            Copy(path, "/opt/qemu/lib/" + Path.GetFileName(path));
        }

        foreach (string module in Directory.EnumerateFiles(Modules, "accel-tcg-*"))
        {
            Copy(module, "/opt/qemu/modules/" + Path.GetFileName(module));
        }

        // With the libraries that it was built for; modules of another version it refuses.
        host.Shell($$"""
            chmod -R a+rX /opt/qemu && chmod a+x /opt/qemu/qemu-system-x86_64 /opt/qemu/lib/ld-linux*
            mv {{Program}} {{Program}}.lab
            cat >{{Program}} <<'END'
            #!/bin/sh
            export QEMU_MODULE_DIR=/opt/qemu/modules
            exec /opt/qemu/lib/ld-linux-x86-64.so.2 --library-path /opt/qemu/lib /opt/qemu/qemu-system-x86_64 "$@"
            END
            chmod a+x {{Program}}
            {{Program}} --version
            """);
    }

    /// <summary>Whether this machine's QEMU is older than the lab's.</summary>
    public static bool IsHere => Version().Match(Output(Program, "--version")) is { Success: true } version && int.Parse(version.Groups["major"].Value, null) < LabMajor;

    public void Dispose() => _host.Shell($"mv {Program}.lab {Program}; rm -rf /opt/qemu");

    private static string Output(string program, string argument)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, [argument]) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output;
    }

    private void Copy(string file, string place) => File.Copy(file, _host.PathOf(place), overwrite: true);

    [GeneratedRegex(@"version (?<major>\d+)\.")]
    private static partial Regex Version();

    [GeneratedRegex(@"(?<path>/\S+) \(0x")]
    private static partial Regex Library();
}
