// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;

namespace Hikae.Harness;

/// <summary>The natively compiled programs, as ./publish leaves them in artifacts/bin. Published again when a source is newer.</summary>
public static class PublishedProgram
{
    private static readonly Lock Gate = new();

    /// <param name="name">As ./publish knows it, for instance hikae-hook.</param>
    /// <param name="folders">The folders under src it is made of, for instance Hooks.</param>
    public static string PathOf(string name, params string[] folders)
    {
        lock (Gate)
        {
            string program = Repository.PathOf("artifacts", "bin", name);
            if (!File.Exists(program) || File.GetLastWriteTimeUtc(program) < NewestSource(folders))
            {
                Publish(name);
            }

            return program;
        }
    }

    private static DateTime NewestSource(string[] folders) => folders
        .SelectMany(folder => Directory.EnumerateFiles(Repository.PathOf("src", folder), "*.cs*", SearchOption.AllDirectories))
        .Where(file => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))
        .Max(File.GetLastWriteTimeUtc);

    private static void Publish(string name)
    {
        var start = new ProcessStartInfo(Repository.PathOf("publish"), name) { RedirectStandardOutput = true };
        using Process publish = Process.Start(start)!;
        string output = publish.StandardOutput.ReadToEnd();
        publish.WaitForExit();
        if (publish.ExitCode != 0)
        {
            throw new InvalidOperationException($"./publish {name} failed:\n{output}");
        }
    }
}
