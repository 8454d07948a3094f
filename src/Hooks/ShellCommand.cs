// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;

namespace Hikae.Hooks;

/// <summary>Runs a line of /bin/sh, which can redirect and detach: .NET alone cannot without P/Invoke.</summary>
/// <remarks>
/// Words never become part of the line; they are its parameters. The environment is ours, not libvirt's: neither a
/// variable of libvirtd's nor its locale reaches a sidecar. .NET opens its own descriptors close-on-exec, and libvirt
/// gives a hook nothing but 0, 1 and 2.
/// </remarks>
internal static class ShellCommand
{
    /// <summary>Runs the line and waits for it. Exit status other than 0 throws.</summary>
    /// <param name="line">Reads its words as $0, $1, ...</param>
    /// <param name="words">The words.</param>
    internal static void Run(string line, params ReadOnlySpan<string> words)
    {
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false, WorkingDirectory = "/" };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(line);
        foreach (string word in words)
        {
            start.ArgumentList.Add(word);
        }

        start.Environment.Clear();
        start.Environment.Add("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");

        using Process shell = Process.Start(start) ?? throw new InvalidOperationException("/bin/sh did not start");
        shell.WaitForExit();
        if (shell.ExitCode != 0)
        {
            throw new InvalidOperationException($"{words[0]} failed with exit status {shell.ExitCode}");
        }
    }
}
