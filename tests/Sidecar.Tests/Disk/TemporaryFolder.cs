// SPDX-License-Identifier: LGPL-2.1-or-later
namespace Hikae.Sidecar.Tests.Disk;

/// <summary>A folder on tmpfs that goes with the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder()
        : this("/dev/shm")
    {
    }

    /// <param name="parent">Another file system, where tmpfs cannot do what is tested.</param>
    public TemporaryFolder(string parent)
    {
        Path = System.IO.Path.Combine(parent, $"hikae-test-{Environment.ProcessId}-{Guid.NewGuid():N}"[..40]);
        Directory.CreateDirectory(Path);
    }

    public string Path { get; }

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
