// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Hikae.Harness;

/// <summary>Asks the C compiler and the installed headers, so that no constant and no struct is copied from memory.</summary>
public static class CProgram
{
    // Compiling takes well under a second; a machine busy with other tests may need many times that.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    /// <summary>The values of integer expressions, such as constants, <c>sizeof(struct x)</c> and <c>offsetof(struct x, y)</c>.</summary>
    /// <param name="headers">Without brackets: <c>sys/mman.h</c>. <c>stddef.h</c> is always there.</param>
    /// <param name="expressions">All of them go into one program.</param>
    /// <param name="compilerArguments">For instance <c>-I</c>, for headers that are not the installed ones.</param>
    public static IReadOnlyDictionary<string, long> Evaluate(
        IEnumerable<string> headers, IEnumerable<string> expressions, params string[] compilerArguments)
    {
        string[] asked = [.. expressions.Distinct()];
        var source = new StringBuilder("#define _GNU_SOURCE\n#include <stddef.h>\n#include <stdio.h>\n");
        foreach (string header in headers)
        {
            source.Append(CultureInfo.InvariantCulture, $"#include <{header}>\n");
        }

        source.Append("int main(void)\n{\n");
        foreach (string expression in asked)
        {
            source.Append(CultureInfo.InvariantCulture, $"    printf(\"%lld\\n\", (long long)({expression}));\n");
        }

        source.Append("    return 0;\n}\n");

        string[] lines = Run(source.ToString(), compilerArguments).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length != asked.Length)
        {
            throw new InvalidOperationException($"The program printed {lines.Length} values for {asked.Length} expressions.");
        }

        return asked.Zip(lines).ToDictionary(
            pair => pair.First, pair => long.Parse(pair.Second, CultureInfo.InvariantCulture), StringComparer.Ordinal);
    }

    /// <summary>Compiles and runs a program and gives what it printed. Throws if the compiler or the program fails.</summary>
    public static string Run(string source, params string[] compilerArguments)
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("hikae-c-");
        try
        {
            string program = Compile(directory.FullName, source, compilerArguments);
            return Execute(program, []);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    /// <summary>Compiles a program that the test runs itself.</summary>
    /// <returns>The program's path, inside <paramref name="directory"/>.</returns>
    public static string Compile(string directory, string source, params string[] compilerArguments)
    {
        string code = Path.Combine(directory, "program.c");
        string program = Path.Combine(directory, "program");
        File.WriteAllText(code, source);
        Execute("gcc", ["-O1", "-Wall", "-o", program, code, .. compilerArguments]);
        return program;
    }

    private static string Execute(string program, IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill();
            throw new TimeoutException($"{program} did not end within {Patience.TotalSeconds} s.");
        }

        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} ended with {process.ExitCode}:\n{errors.Result}");
        }

        return output.Result;
    }
}
