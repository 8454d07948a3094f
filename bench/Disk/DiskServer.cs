// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Harness;

namespace Hikae.Bench.Disk;

/// <summary>A program that serves the image over NBD while it is measured.</summary>
internal sealed class DiskServer : IDisposable
{
    private readonly Process _process;
    private readonly string _socket;

    private DiskServer(string socket, IEnumerable<string> command)
    {
        _socket = socket;
        _process = Process.Start(new ProcessStartInfo(Isolated.Program, [.. Isolated.Prefix, .. command]) { RedirectStandardOutput = true })!;
        for (int i = 0; !File.Exists(socket); i++)
        {
            if (_process.HasExited || i > 600)
            {
                throw new InvalidOperationException($"{string.Join(' ', command)} does not serve {socket}.");
            }
            Thread.Sleep(100);
        }
    }

    /// <summary>fio's options for this server.</summary>
    public string[] FioTarget => ["--ioengine=nbd", $"--uri=nbd+unix:///?socket={_socket}"];

    public static DiskServer Nbdkit(string image, string socket) => new(socket, ["nbdkit", "-f", "-U", socket, "file", image]);

    /// <summary>The sidecar's server as under protection: writes are held, an epoch is sealed and committed ten times a second.</summary>
    /// <param name="image">Served.</param>
    /// <param name="socket">Of the server.</param>
    /// <param name="buffer">Its buffer's file.</param>
    /// <param name="indexed">What the blocks are is learned, too.</param>
    public static DiskServer Hikae(string image, string socket, string buffer, bool indexed) => new(
        socket,
        [
            Repository.PathOf("artifacts", "bin", "hikae-sidecar"), "serve", image, "--socket", socket, "--buffer", buffer, "--epoch-ms", "100",
            .. indexed ? (string[])["--index-mib", "64"] : [],
        ]);

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
