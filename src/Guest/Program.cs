// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Reflection;
using Hikae.Guest.Pages;
using Hikae.Protocol.Guest;

namespace Hikae.Guest;

internal static class Program
{
    private const int Success = 0;
    private const int Failure = 1;
    private const int WrongUsage = 2;

    private const string Help = """
        Usage: hikae-guest [--print]
        Runs in a guest that Hikae protects and tells the host which memory pages are free or page cache.

          --print, --once  scan once, print a summary and exit
          --version        print the version and exit
          --help           print this text and exit

        Without an option: serves the virtio-serial port org.hikae.guest.0 until it is terminated. Needs root.
        See hikae-guest(8).
        """;

    private static string Version => typeof(Program).Assembly.GetName().Version?.ToString(3) ?? "0";

    private static int Main(string[] arguments)
    {
        switch (arguments)
        {
            case []:
                return Run(Serve);
            case ["--print" or "--once"]:
                return Run(Print);
            case ["--version"]:
                Console.Out.WriteLine("hikae-guest " + Version);
                return Success;
            case ["--help" or "-h"]:
                Console.Out.WriteLine(Help);
                return Success;
            default:
                Console.Error.WriteLine($"hikae-guest: do not know what to do with: {string.Join(' ', arguments)}\n{Help}");
                return WrongUsage;
        }
    }

    private static int Run(Action<GuestFiles, GuestHello> work)
    {
        try
        {
            var files = new GuestFiles();
            work(files, Introduce(files));
            return Success;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Console.Error.WriteLine("hikae-guest: " + e.Message);
            return Failure;
        }
    }

    private static void Print(GuestFiles files, GuestHello hello) => new Summary().Print(files, hello, Console.Out);

    private static void Serve(GuestFiles files, GuestHello hello)
    {
        // Now, not at the first question: without the file the agent is of no use, and systemd should say so.
        File.OpenHandle(files.PageFlags).Dispose();
        if (hello.FreeIsOff.Length > 0)
        {
            Console.Error.WriteLine("free pages are not reported: " + hello.FreeIsOff);
        }

        var program = new FailedOverProgram(files, Console.Error);
        new AgentService(() => VirtioPort.TryOpen(files), new PageScan(files), new ReadWatch(files), hello, program.Start, Console.Error).Run(CancellationToken.None);
    }

    private static GuestHello Introduce(GuestFiles files)
    {
        string freeIsOff = FreePagePolicy.WhyOff(files);
        return new GuestHello
        {
            AgentVersion = Version,
            KernelRelease = files.KernelRelease,
            PageSize = (uint)Environment.SystemPageSize,
            Available = freeIsOff.Length == 0 ? ScanContents.Both : ScanContents.Cache,
            FreeIsOff = freeIsOff,
        };
    }
}
