// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;

namespace Hikae.Harness.Labs;

/// <summary>Runs a program to its end, whatever it prints.</summary>
internal static class LabCommand
{
    // The longest: a lab brought up on a machine that must make the hosts' root file system first.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    internal static CommandResult Run(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        using Process process = Process.Start(StartInfo(program, arguments, environment))!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string command = string.Join(' ', process.StartInfo.ArgumentList.Prepend(Path.GetFileName(program)));
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"\"{command}\" did not end within {Patience.TotalSeconds} s.");
        }

        return new CommandResult(command, process.ExitCode, output.GetAwaiter().GetResult().TrimEnd('\n'), errors.GetAwaiter().GetResult().TrimEnd('\n'));
    }

    internal static ProcessStartInfo StartInfo(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        return start;
    }
}
