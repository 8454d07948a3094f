// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Hooks;

/// <summary>Puts the hook together. Whatever goes wrong in it, the guest's operation proceeds; only a start that nobody permits does not.</summary>
/// <remarks>
/// HIKAE_SIDECAR (a program to start instead of the unit), HIKAE_RUN and HIKAE_LOG (directories) are for tests: libvirt
/// passes none of them on.
/// </remarks>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        try
        {
            // Session daemons run hooks too, as their user. Their guests are not ours.
            if (!Environment.IsPrivilegedProcess || HookCall.FromArguments(arguments) is not HookCall call)
            {
                return QemuHook.Proceed;
            }

            string runDirectory = Setting("HIKAE_RUN") ?? "/run/hikae";
            var hook = new QemuHook(new DaemonPermission(Path.Combine(runDirectory, "hikaed.sock"), DaemonPermission.DefaultLimit), Units(runDirectory), new ReleaseReasons(runDirectory), Console.Error);
            using Stream input = Console.OpenStandardInput();
            return hook.Run(call, input);
        }
        catch (Exception e)
        {
            Report(e);
            return QemuHook.Proceed;
        }
    }

    private static ISidecarUnits Units(string runDirectory)
    {
        string? program = Setting("HIKAE_SIDECAR");
        return program is null && Directory.Exists(SystemdUnits.BootedMarker)
            ? new SystemdUnits()
            : new DetachedSidecars(program ?? "/usr/libexec/hikae/hikae-sidecar", runDirectory, Setting("HIKAE_LOG") ?? "/var/log/hikae");
    }

    private static string? Setting(string name) => Environment.GetEnvironmentVariable(name);

    private static void Report(Exception e)
    {
        try
        {
            Console.Error.WriteLine($"hikae: {e.Message}");
        }
        catch (IOException)
        {
            // Nobody reads our stderr: there is nobody to tell.
        }
    }
}
