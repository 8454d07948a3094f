// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Tools;

internal static class Program
{
    private static int Main(string[] arguments) => CommandLine.Run(arguments, new Surroundings(Console.Out, Console.Error));
}
