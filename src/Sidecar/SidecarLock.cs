// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar;

/// <summary>Makes sure that one sidecar at a time acts for a running guest, and one for its replica. Ends with the process, however that ends.</summary>
internal sealed class SidecarLock : IDisposable
{
    // A guest that is stopped and started at once has a sidecar that says its goodbyes and one that begins.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(50);

    private readonly FileStream _file;

    private SidecarLock(FileStream file) => _file = file;

    /// <summary>Null when another process still holds the lock after some seconds.</summary>
    public static SidecarLock? Take(string path)
    {
        for (TimeSpan waited = TimeSpan.Zero; waited < Patience; waited += Interval)
        {
            if (TryTake(path) is { } taken)
            {
                return taken;
            }
            Thread.Sleep(Interval);
        }
        return null;
    }

    /// <summary>Null when another process holds the lock.</summary>
    public static SidecarLock? TryTake(string path)
    {
        try
        {
            return Open(path);
        }
        catch (IOException) when (File.Exists(path))
        {
            return null;
        }
    }

    // .NET takes an exclusive flock(2) for FileShare.None.
    private static SidecarLock Open(string path) => new(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));

    public void Dispose() => _file.Dispose();
}
