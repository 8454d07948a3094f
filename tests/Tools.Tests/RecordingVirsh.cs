// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Tools.Tests;

/// <summary>A virsh that writes down its arguments, one call a line, and answers dominfo, dumpxml, list and version from files.</summary>
internal sealed class RecordingVirsh
{
    private readonly string _folder;

    internal RecordingVirsh(string folder)
    {
        _folder = folder;
        Program = Path.Combine(folder, "virsh");
        File.WriteAllText(Program, $$"""
            #!/bin/sh
            shift 2
            printf '%s|' "$@" >> {{folder}}/calls
            echo >> {{folder}}/calls
            [ -e {{folder}}/refusal ] && { cat {{folder}}/refusal >&2; exit 1; }
            case "$*" in
                *--inactive) cat {{folder}}/inactive.xml ;;
                dumpxml*) cat {{folder}}/live.xml ;;
                dominfo*|version*|list*) cat {{folder}}/$1 ;;
            esac

            """);
        File.SetUnixFileMode(Program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Answer("dominfo", "Id:             3\nName:           web\nState:          running\nPersistent:     yes\n");
        Answer("live.xml", "<domain/>");
        Answer("inactive.xml", "<domain/>");
        Answer("list", "");
        Answer("version", "Running hypervisor: QEMU 10.0.13\nRunning against daemon: 11.3.0\n");
    }

    internal string Program { get; }

    /// <summary>The calls that change something.</summary>
    internal IEnumerable<string> Changes => File.ReadAllLines(Path.Combine(_folder, "calls"))
        .Where(call => call.StartsWith("metadata|", StringComparison.Ordinal));

    internal void Answer(string command, string text) => File.WriteAllText(Path.Combine(_folder, command), text);
}
