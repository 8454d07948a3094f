// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Harness;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk.Nbd;

/// <summary>A program that somebody else wrote, run to its end.</summary>
internal static class Tool
{
    /// <summary>Its standard output. Anything but exit status 0 fails the test, with all it said.</summary>
    public static string Run(string program, params string[] arguments)
    {
        (int status, string output, string errors) = Try(program, arguments);
        Assert.True(status == 0, $"{program} {string.Join(' ', arguments)} ended with {status}:\n{output}\n{errors}");
        return output;
    }

    /// <summary>Its exit status and what it said.</summary>
    public static (int Status, string Output, string Errors) Try(string program, params string[] arguments)
    {
        Requires.Command(program);
        using Process process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,

            // Debian's programs with Debian's Python, whatever other one the developer has.
            Environment = { ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin" },
        })!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(RunningDisk.Patience))
        {
            process.Kill();
            Assert.Fail($"{program} {string.Join(' ', arguments)} did not end");
        }

        return (process.ExitCode, output.Result, errors.Result);
    }
}
