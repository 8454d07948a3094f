// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Harness;
using Xunit;

namespace Hikae.Sidecar.Tests;

/// <summary>Two replicas of one guest on one host would both be claimed in its name.</summary>
public sealed class SecondBackupTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hikae-second-").FullName;

    [Fact]
    public async Task A_second_sidecar_for_one_replica_ends_at_once()
    {
        Requires.Published("hikae-sidecar");
        Guid guest = Guid.NewGuid();
        using SidecarLock? first = SidecarLock.Take(Path.Combine(_folder, $"{guest}.backup.lock"));
        Assert.NotNull(first);

        using Process second = Process.Start(new ProcessStartInfo(
            Repository.PathOf("artifacts", "bin", "hikae-sidecar"),
            ["--role", "backup", "--uuid", guest.ToString(), "--run-dir", _folder, "--config", Path.Combine(_folder, "none.conf")])
        {
            RedirectStandardOutput = true,
        })!;
        string said = await second.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await second.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Contains("another sidecar of this host holds a replica", said, StringComparison.Ordinal);
        Assert.Equal(0, second.ExitCode);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
