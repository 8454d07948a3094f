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
            try
            {
                // .NET takes an exclusive flock(2) for FileShare.None.
                return new SidecarLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
            }
            catch (IOException) when (File.Exists(path))
            {
                Thread.Sleep(Interval);
            }
        }
        return null;
    }

    public void Dispose() => _file.Dispose();
}
