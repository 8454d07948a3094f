// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Harness;
using Hikae.Harness.Labs;
using Hikae.Harness.Labs.Tests;
using Xunit;

namespace Hikae.Packages.Tests;

/// <summary>The packages as packaging/build makes them, and three Debian 13 hosts with systemd: two for guests, one that is clean.</summary>
public sealed class PackagesLab : IDisposable
{
    private readonly Lazy<string> _folder = new(Build);
    private readonly Lazy<Lab> _lab;

    public PackagesLab() => _lab = new(() => Lab.Up("packages", new LabOptions
    {
        Hosts = 3,
        Install = false,
        Packages = Folder,
        Managed = true,
        Settings = new Dictionary<string, string>(SharedLab.CalmSettings) { ["host.title"] = "yes" },
    }));

    /// <summary>Of both kinds, of this tree. Made of the programs in artifacts/bin.</summary>
    internal string Folder
    {
        get
        {
            Lab.RequireParts();
            Requires.Published("hikae-guest");
            return _folder.Value;
        }
    }

    internal Lab Lab
    {
        get
        {
            _ = Folder;
            return _lab.Value;
        }
    }

    /// <summary>A host where nothing is installed: what an earlier test left there is purged.</summary>
    internal LabHost Clean
    {
        get
        {
            LabHost host = Lab.Hosts[2];
            host.Shell("systemctl is-system-running --wait >/dev/null; pkill -KILL -x hikae-sidecar; dpkg -P hikae hikae-guest 2>/dev/null; rm -rf /var/log/hikae");
            // Tests install so fast that systemd takes it for a service that cannot start: five times in 10 s.
            host.TryRun("systemctl", "reset-failed", "hikaed.service");
            return host;
        }
    }

    /// <summary>Puts a package where a host finds it, and gives its path there.</summary>
    internal static string Hand(LabHost host, string package)
    {
        string path = "/root/" + Path.GetFileName(package);
        File.Copy(package, host.PathOf(path), overwrite: true);
        return path;
    }

    /// <summary>The only package of that kind.</summary>
    internal string Package(string pattern) => Assert.Single(Directory.GetFiles(Folder, pattern));

    /// <summary>Runs a bash script on the outer machine, in this tree; throws when it fails.</summary>
    internal static string Shell(string script, params string[] words)
    {
        var start = new ProcessStartInfo("bash", ["-o", "pipefail", "-c", script, "bash", .. words])
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process bash = Process.Start(start)!;
        Task<string> errors = bash.StandardError.ReadToEndAsync();
        string output = bash.StandardOutput.ReadToEnd();
        bash.WaitForExit();
        Assert.True(bash.ExitCode == 0, $"{script}\nended with {bash.ExitCode}:\n{output}\n{errors.GetAwaiter().GetResult()}");
        return output;
    }

    public void Dispose()
    {
        if (_lab.IsValueCreated)
        {
            _lab.Value.Dispose();
        }

        if (_folder.IsValueCreated)
        {
            Directory.Delete(_folder.Value, recursive: true);
        }
    }

    private static string Build()
    {
        string folder = Directory.CreateTempSubdirectory("hikae-packages-").FullName;
        Shell("packaging/build --fast --output \"$1\"", folder);
        return folder;
    }
}
