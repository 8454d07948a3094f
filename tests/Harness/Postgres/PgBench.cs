// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using Hikae.Harness.Labs;

namespace Hikae.Harness.Postgres;

/// <summary>pgbench outside the guest: each of its connections inserts its own number and the next number of its own, and logs each commit.</summary>
/// <remarks>A connection that breaks is not opened again: pgbench then gives up that client and ends with an error.</remarks>
public sealed class PgBench : IDisposable
{
    private const string Script = """
        \set n :n + 1
        INSERT INTO committed (client, n) VALUES (:client_id, :n);
        """;

    // It runs for a part of this; TCP waits for longer and longer between two tries.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(180);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hikae-pgbench-");
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _errors;

    /// <summary>Makes the table and starts.</summary>
    /// <param name="guest">Made with "postgresql", and answering.</param>
    /// <param name="clients">Connections.</param>
    /// <param name="transactions">That each of them makes.</param>
    public PgBench(LabGuest guest, int clients, int transactions)
    {
        ArgumentNullException.ThrowIfNull(guest);
        Psql(guest, "CREATE TABLE committed (client int, n int, PRIMARY KEY (client, n))");
        string script = Path.Combine(_folder.FullName, "insert.sql");
        File.WriteAllText(script, Script);
        _process = Process.Start(guest.Lab.ClientStartInfo(
            "pgbench", "-n", "-h", $"{guest.Address}", "-U", "postgres", "-c", $"{clients}", "-j", "1", "-t", $"{transactions}",
            "-D", "n=0", "-f", script, "-l", "--log-prefix", Path.Combine(_folder.FullName, "log"), "postgres"))!;
        _process.StandardInput.Close();
        _output = _process.StandardOutput.ReadToEndAsync();
        _errors = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>Runs one statement from outside; gives its rows, columns separated by "|".</summary>
    public static IReadOnlyList<string> Psql(LabGuest guest, string statement)
    {
        ArgumentNullException.ThrowIfNull(guest);
        return guest.Lab.Client("psql", "-h", $"{guest.Address}", "-U", "postgres", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement)
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>Whether the server answers.</summary>
    public static bool Answers(LabGuest guest)
    {
        ArgumentNullException.ThrowIfNull(guest);
        return guest.Lab.TryClient("psql", "-h", $"{guest.Address}", "-U", "postgres", "-q", "-c", "SELECT 1").Succeeded;
    }

    /// <summary>All is done, or it gave up.</summary>
    public bool HasEnded => _process.HasExited;

    /// <summary>What it printed and how it ended, when it has ended. A connection that hangs keeps it from that: then this throws.</summary>
    public CommandResult WaitForEnd()
    {
        if (!_process.WaitForExit(Patience))
        {
            throw new LabException($"pgbench did not end within {Patience.TotalSeconds} s: a connection hangs");
        }

        return new CommandResult("pgbench", _process.ExitCode, _output.GetAwaiter().GetResult(), _errors.GetAwaiter().GetResult());
    }

    /// <summary>The transactions whose commit was acknowledged, as CLIENT|N, from its log; after its end.</summary>
    public IReadOnlyList<string> Acknowledged() =>
        [.. _folder.GetFiles("log*").SelectMany(file => File.ReadLines(file.FullName)).Select(line => line.Split(' ')).Select(words => $"{words[0]}|{words[1]}")];

    /// <summary>The longest time from one acknowledged commit to the next, after its end.</summary>
    public TimeSpan LongestSilence()
    {
        double[] seconds =
        [
            .. _folder.GetFiles("log*").SelectMany(file => File.ReadLines(file.FullName)).Select(line => line.Split(' '))
                .Select(words => double.Parse($"{words[4]}.{words[5].PadLeft(6, '0')}", CultureInfo.InvariantCulture)).Order(),
        ];
        return TimeSpan.FromSeconds(seconds.Zip(seconds.Skip(1), (earlier, later) => later - earlier).DefaultIfEmpty().Max());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
        _folder.Delete(recursive: true);
    }
}
