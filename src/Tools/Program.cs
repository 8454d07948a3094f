// SPDX-License-Identifier: LGPL-2.1-or-later
using Microsoft.Win32.SafeHandles;

namespace Hikae.Tools;

internal static class Program
{
    private const int STDOUT_FILENO = 1;

    private static int Main(string[] arguments) => CommandLine.Run(arguments, new Surroundings(Console.Out, Console.Error) { LastingOutput = LastingOutput });

    private static TextWriter LastingOutput() => Console.IsOutputRedirected
        ? new StreamWriter(new FileStream(new SafeFileHandle(STDOUT_FILENO, ownsHandle: false), FileAccess.Write, bufferSize: 0)) { AutoFlush = true }
        : Console.Out;
}
