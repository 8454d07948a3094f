// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Host.Control;
using Hikae.Host.Sidecars;
using Hikae.Protocol.Control;
using Xunit;

namespace Hikae.Host.Tests;

public class LauncherTests
{
    private static readonly SidecarKey Backup = new(new Guid("7b3e9a52-0c1d-4f7e-8a6b-5c4d3e2f1a00"), GuestRole.Backup);

    [Fact]
    public async Task A_detached_sidecar_gets_its_arguments_a_session_and_a_log()
    {
        string root = Directory.CreateTempSubdirectory("hikaed-launch-").FullName;
        string program = Path.Combine(root, "sidecar");
        string done = Path.Combine(root, "done");
        // The seventh word of /proc/self/stat is the session, here that of the shell itself.
        File.WriteAllText(program, $"#!/bin/sh\necho \"$@\"; read -r pid _ _ _ _ session _ </proc/$$/stat; [ \"$pid\" = \"$session\" ] && echo own session\nmv \"$0\" '{done}'\n");
        File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        var launcher = new DetachedLauncher(new HostOptions { RunDirectory = root, Sidecar = program });

        await launcher.StartAsync(Backup, TestContext.Current.CancellationToken);

        await Eventually.TrueAsync(() => File.Exists(done), "the sidecar ran");
        string log = File.ReadAllText(Path.Combine(root, "log", $"{Backup.Uuid}.log"));
        Assert.Equal($"--role backup --uuid {Backup.Uuid} --run-dir {root}\nown session\n", log);
        Directory.Delete(root, recursive: true);
    }

    [Fact]
    public async Task A_missing_sidecar_program_is_reported()
    {
        string root = Directory.CreateTempSubdirectory("hikaed-launch-").FullName;
        var launcher = new DetachedLauncher(new HostOptions { RunDirectory = root, Sidecar = Path.Combine(root, "missing") });

        await Assert.ThrowsAsync<SidecarStartException>(() => launcher.StartAsync(Backup, TestContext.Current.CancellationToken));
        Directory.Delete(root, recursive: true);
    }

    [Fact]
    public void Each_role_has_its_unit()
    {
        Assert.Equal($"hikae-backup@{Backup.Uuid}.service", SystemdLauncher.UnitOf(Backup));
        Assert.Equal($"hikae-sidecar@{Backup.Uuid}.service", SystemdLauncher.UnitOf(Backup with { Role = GuestRole.Primary }));
    }
}
