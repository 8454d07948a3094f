// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Tools.Tests;

/// <summary>Runs hikae's commands in this process, with stand-ins for everything outside.</summary>
public abstract class CommandLineTest : IDisposable
{
    private protected CommandLineTest()
    {
        Virsh = new RecordingVirsh(Directory.CreateDirectory(Path.Combine(Root, "bin")).FullName);
        Surroundings = new Surroundings(Output, Errors)
        {
            ControlSocket = Path.Combine(Root, "hikaed.sock"),
            ConfigurationFile = Path.Combine(Root, "hikae.conf"),
            HostRoot = Path.Combine(Root, "host"),
            Virsh = Virsh.Program,
            Sidecar = Path.Combine(Root, "bin", "hikae-sidecar"),
            IsTerminal = false,
        };
    }

    private protected string Root { get; } = Directory.CreateTempSubdirectory("hikae-tools-").FullName;

    private protected StringWriter Output { get; } = new();

    private protected StringWriter Errors { get; } = new();

    private protected RecordingVirsh Virsh { get; }

    private protected Surroundings Surroundings { get; }

    public void Dispose()
    {
        Directory.Delete(Root, recursive: true);
        GC.SuppressFinalize(this);
    }

    private protected int Run(params string[] arguments) => CommandLine.Run(arguments, Surroundings);
}
