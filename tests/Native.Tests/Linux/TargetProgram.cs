// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness;

namespace Hikae.Native.Tests.LinuxTests;

/// <summary>Compiles <see cref="TargetSource"/> once for all tests of a class.</summary>
public sealed class TargetProgram : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("hikae-target-");

    public TargetProgram() => Path = CProgram.Compile(_directory.FullName, TargetSource.Text, "-pthread");

    public string Path { get; }

    public void Dispose() => _directory.Delete(recursive: true);
}
