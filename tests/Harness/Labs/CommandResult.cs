// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Harness.Labs;

/// <summary>What a command in a lab said and how it ended.</summary>
/// <param name="Command">As it was given, for messages.</param>
/// <param name="ExitCode">0 = it did what was asked.</param>
/// <param name="Output">Its standard output, without the last line's end.</param>
/// <param name="Errors">Its standard error, without the last line's end.</param>
public sealed record CommandResult(string Command, int ExitCode, string Output, string Errors)
{
    /// <summary>Ended with 0.</summary>
    public bool Succeeded => ExitCode == 0;

    /// <inheritdoc/>
    public override string ToString() => $"\"{Command}\" ended with {ExitCode}: {Output}{(Output.Length > 0 && Errors.Length > 0 ? "\n" : "")}{Errors}";
}
