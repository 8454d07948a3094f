// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Harness;

namespace Hikae.Hooks.Tests;

/// <summary>The natively compiled hook, run as libvirt runs it, in directories of its own and with a stand-in for the sidecar.</summary>
/// <remarks>The stand-in says its pid on a FIFO when it is up, lives until SIGTERM and then leaves the file "stopped".</remarks>
internal sealed class HookProcess : IDisposable
{
    /// <summary>Not a measure: only so that a test of something that never happens fails instead of hanging.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // libvirt gives a hook no descriptor but the first three. A test runner may have inherited others from whoever started it.
    private const string WithoutOtherDescriptors =
        "for fd in /proc/$$/fd/*; do n=${fd##*/}; [ \"$n\" -le 2 ] || eval \"exec $n>&-\"; done; exec \"$0\" \"$@\"";

    private readonly string _up;
    private readonly string _gone;

    internal HookProcess()
    {
        _up = Path.Combine(Root, "up");
        _gone = Path.Combine(Root, "gone");
        Execute("/usr/bin/mkfifo", _up, _gone);
        Directory.CreateDirectory(Run);
        File.WriteAllText(Sidecar, $"""
            #!/bin/sh
            echo "$@" > {Root}/arguments
            env > {Root}/environment
            echo $$ > {Run}/{Domain.Uuid}.pid
            trap 'kill $!; echo gone > {_gone}; exit 0' TERM
            sleep 3600 &
            echo $$ > {_up}
            wait $!

            """);
        File.SetUnixFileMode(Sidecar, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    internal string Root { get; } = Directory.CreateTempSubdirectory("hikae-hook-").FullName;

    internal string Run => Path.Combine(Root, "run");

    internal string Log => Path.Combine(Root, "log");

    private string Sidecar => Path.Combine(Root, "sidecar");

    public void Dispose()
    {
        EndSidecar();
        Directory.Delete(Root, recursive: true);
    }

    /// <summary>Returns when the hook has exited and both of its pipes are at their end, as libvirt does.</summary>
    internal async Task<HookResult> CallAsync(string operation, byte[] xml, string reason = "-")
    {
        string program = PublishedProgram.PathOf("hikae-hook", "Hooks");
        ProcessStartInfo start = new("/bin/bash", ["-c", WithoutOtherDescriptors, program, "web", operation, "begin", reason])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["HIKAE_SIDECAR"] = Sidecar;
        start.Environment["HIKAE_RUN"] = Run;
        start.Environment["HIKAE_LOG"] = Log;
        start.Environment["LIBVIRT_SECRET"] = "not for sidecars";
        using Process hook = Process.Start(start)!;
        Task<string> output = hook.StandardOutput.ReadToEndAsync();
        Task<string> errors = hook.StandardError.ReadToEndAsync();
        try
        {
            await hook.StandardInput.BaseStream.WriteAsync(xml);
            hook.StandardInput.Close();
        }
        catch (IOException)
        {
            // The hook has read enough. libvirt does not mind either.
        }

        await hook.WaitForExitAsync().WaitAsync(Patience);
        return new HookResult(hook.ExitCode, await output.WaitAsync(Patience), await errors.WaitAsync(Patience));
    }

    /// <summary>Waits until the stand-in is up.</summary>
    internal async Task<int> SidecarPidAsync() =>
        int.Parse(await ReadFifoAsync(_up), System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Waits until the stand-in has been told to go.</summary>
    internal Task SidecarGoneAsync() => ReadFifoAsync(_gone);

    private static void Execute(string program, params string[] arguments)
    {
        using Process process = Process.Start(program, arguments);
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} failed");
        }
    }

    /// <summary>A stand-in whose test failed must not outlive it.</summary>
    private void EndSidecar()
    {
        string pidFile = Path.Combine(Run, Domain.Uuid + ".pid");
        if (!File.Exists(pidFile))
        {
            return;
        }

        string pid = File.ReadAllText(pidFile).Trim();
        string commandLine = $"/proc/{pid}/cmdline";
        if (File.Exists(commandLine) && File.ReadAllText(commandLine).Contains(Sidecar, StringComparison.Ordinal))
        {
            using var sidecar = Process.GetProcessById(int.Parse(pid, System.Globalization.CultureInfo.InvariantCulture));
            sidecar.Kill(entireProcessTree: true);
        }
    }

    private static Task<string> ReadFifoAsync(string fifo) => Task.Run(() => File.ReadAllText(fifo)).WaitAsync(Patience);
}
