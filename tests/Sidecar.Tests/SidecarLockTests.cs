// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Harness;
using Xunit;

namespace Hikae.Sidecar.Tests;

public sealed class SidecarLockTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hikae-lock-").FullName;

    [Fact]
    public void Another_process_is_kept_out_until_the_lock_is_given_back()
    {
        Requires.Command("flock");
        string path = Path.Combine(_folder, "guest.lock");

        using (SidecarLock? held = SidecarLock.Take(path))
        {
            Assert.NotNull(held);
            Assert.NotEqual(0, TryFromAnotherProcess(path));
        }

        Assert.Equal(0, TryFromAnotherProcess(path));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static int TryFromAnotherProcess(string path)
    {
        using Process other = Process.Start("flock", ["--nonblock", path, "true"]);
        other.WaitForExit();
        return other.ExitCode;
    }
}
