// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Configuration;

namespace Hikae.Tools;

/// <summary>Everything outside the program that a command touches, so that tests can put stand-ins there.</summary>
/// <param name="Output">What was asked for.</param>
/// <param name="Errors">Why it was not done.</param>
internal sealed record Surroundings(TextWriter Output, TextWriter Errors)
{
    /// <summary>Output for a command that goes on until nobody reads any more: writing fails then, which <see cref="Console.Out"/> keeps to itself.</summary>
    internal Func<TextWriter> LastingOutput { get => field ?? (() => Output); init; }

    /// <summary>hikaed's control socket.</summary>
    internal string ControlSocket { get; init; } = "/run/hikae/hikaed.sock";

    /// <summary>hikae.conf.</summary>
    internal string ConfigurationFile { get; init; } = HikaeConfiguration.DefaultPath;

    /// <summary>The virsh program; a name is looked for in PATH.</summary>
    internal string Virsh { get; init; } = "virsh";

    /// <summary>The sidecar, which alone can try a peer's certificate.</summary>
    internal string Sidecar { get; init; } = "/usr/libexec/hikae/hikae-sidecar";

    /// <summary>The setpriv program of util-linux.</summary>
    internal string Setpriv { get; init; } = "/usr/bin/setpriv";

    /// <summary>What stands before every path of the host that doctor looks at; "" on a host.</summary>
    internal string HostRoot { get; init; } = "";

    /// <summary>Whether Output is a terminal and may be coloured.</summary>
    internal bool IsTerminal { get; init; } = !Console.IsOutputRedirected;

    /// <summary>Whether Output is a terminal that knows control sequences, so that a text can be drawn over another.</summary>
    internal bool CanRedraw { get; init; } = !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("TERM") is not (null or "" or "dumb");

    /// <summary>Columns and rows of the terminal, which may change at any time.</summary>
    internal Func<(int Columns, int Rows)> ScreenSize { get; init; } = static () => (Console.WindowWidth, Console.WindowHeight);

    /// <summary>What a command that goes on waits with.</summary>
    internal TimeProvider Clock { get; init; } = TimeProvider.System;
}
