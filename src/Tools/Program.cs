// SPDX-License-Identifier: LGPL-2.1-or-later
using Microsoft.Win32.SafeHandles;

namespace Hikae.Tools;

internal static class Program
{
    private const int STDOUT_FILENO = 1;

    private static int Main(string[] arguments)
    {
        LeaveKeysAlone();
        return CommandLine.Run(arguments, new Surroundings(Console.Out, Console.Error) { LastingOutput = LastingOutput });
    }

    /// <summary>
    /// .NET asks a terminal for the keys of programs that fill the screen (ESC [?1h, ESC =) as soon as something is written or its size is looked at, and does not
    /// take that back. What to send it looks up by TERM, once: at a moment when there is none it finds nothing to send, then or later.
    /// </summary>
    private static void LeaveKeysAlone()
    {
        if (Console.IsOutputRedirected)
        {
            return;
        }

        string? terminal = Environment.GetEnvironmentVariable("TERM");
        Environment.SetEnvironmentVariable("TERM", null);
        _ = Console.WindowWidth;
        Console.Out.Write("");
        Environment.SetEnvironmentVariable("TERM", terminal);
    }

    private static TextWriter LastingOutput() => Console.IsOutputRedirected
        ? new StreamWriter(new FileStream(new SafeFileHandle(STDOUT_FILENO, ownsHandle: false), FileAccess.Write, bufferSize: 0)) { AutoFlush = true }
        : Console.Out;
}
