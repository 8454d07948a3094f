// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using Hikae.Harness;
using Xunit;

namespace Hikae.Sidecar.Tests.Disk;

/// <summary>The published sidecar serving an image, as a process of its own that can be killed.</summary>
internal sealed class ServerProcess : IDisposable
{
    private readonly Process _process;
    private readonly Lock _gate = new();
    private bool _isDisposed;

    public ServerProcess(TemporaryFolder folder, string image, int epochMs)
    {
        Requires.Published("hikae-sidecar");
        SocketPath = folder.File("server.sock");
        _process = Process.Start(new ProcessStartInfo(Repository.PathOf("artifacts", "bin", "hikae-sidecar"),
            [
                "serve", image, "--socket", SocketPath, "--buffer", folder.File("buffer"), "--epoch-ms", epochMs.ToString(CultureInfo.InvariantCulture), "--lock", "raw",
            ])
        {
            RedirectStandardOutput = true,
        })!;
        while (_process.StandardOutput.ReadLine() is { } line && line != "ready")
        {
        }

        Assert.False(_process.HasExited, "the server ended at its start");
    }

    public string SocketPath { get; }

    /// <summary>SIGKILL: it can do nothing more.</summary>
    public void Kill()
    {
        // Tests call this from a timer, which may still be in here when the test is over.
        lock (_gate)
        {
            if (!_isDisposed)
            {
                _process.Kill();
                _process.WaitForExit();
            }
        }
    }

    /// <summary>SIGTERM: it drains and ends.</summary>
    public void Terminate()
    {
        Assert.Equal(0, Mono.Unix.Native.Syscall.kill(_process.Id, Mono.Unix.Native.Signum.SIGTERM));
        Assert.True(_process.WaitForExit(RunningDisk.Patience), "the server did not drain");
        Assert.Equal(0, _process.ExitCode);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _process.Kill();
            _process.WaitForExit();
            _isDisposed = true;
            _process.Dispose();
        }
    }
}
