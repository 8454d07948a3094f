// SPDX-License-Identifier: LGPL-2.1-or-later
using Xunit;

namespace Hikae.Harness;

/// <summary>What a test needs of the machine. Where it is missing the test is skipped, and the report says why.</summary>
public static class Requires
{
    /// <summary>The test changes what only root may change, or traces other processes.</summary>
    public static void Root() => Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");

    /// <summary>The test runs a program that is not part of this tree.</summary>
    /// <param name="name">As in the shell; looked for in PATH.</param>
    public static void Command(string name)
    {
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        Assert.SkipUnless(folders.Any(folder => File.Exists(Path.Combine(folder, name))), $"needs the program {name}");
    }

    /// <summary>The test runs programs as ./publish leaves them in artifacts/bin, and does not build them itself.</summary>
    public static void Published(params string[] programs)
    {
        foreach (string program in programs)
        {
            Assert.SkipUnless(File.Exists(Repository.PathOf("artifacts", "bin", program)), $"needs artifacts/bin/{program}: run ./publish");
        }
    }

    /// <summary>The test uses a kernel feature that came with this version.</summary>
    public static void Kernel(int major, int minor) =>
        Assert.SkipUnless(
            Environment.OSVersion.Version >= new Version(major, minor), $"needs Linux {major}.{minor}, this is {Environment.OSVersion.Version}");
}
