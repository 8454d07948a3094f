// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using Hikae.Native.Linux;

namespace Hikae.Native.Tests.LinuxTests;

/// <summary>One running <see cref="TargetSource"/>.</summary>
internal sealed class Target : IDisposable
{
    internal const int PageBytes = 4096;

    private readonly Process _starter;
    private readonly PidFd _process;

    internal Target(TargetProgram program, string mode, ulong lengthBytes, params string[] more)
    {
        _starter = Process.Start(new ProcessStartInfo(program.Path, [mode, $"{lengthBytes}", .. more])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        string[] words = _starter.StandardOutput.ReadLine()!.Split(' ');
        Pid = int.Parse(words[0], CultureInfo.InvariantCulture);
        Start = ulong.Parse(words[1], CultureInfo.InvariantCulture);
        End = Start + lengthBytes;
        _process = PidFd.Open(Pid);
    }

    internal int Pid { get; }

    internal ulong Start { get; }

    internal ulong End { get; }

    internal bool HasExited => _process.HasExited;

    /// <summary>The byte that the program put at an offset when it started.</summary>
    internal static byte InitialByte(ulong offset) => (byte)((offset / PageBytes * 7) + offset);

    internal string Ask(string command)
    {
        _starter.StandardInput.WriteLine(command);
        return _starter.StandardOutput.ReadLine() ?? throw new InvalidOperationException("the target ended");
    }

    internal void WritePage(int page) => Ask($"w {page * PageBytes}");

    internal void Kill(int signal) => _process.Kill(signal);

    internal bool WaitForExit(TimeSpan timeout) => _process.WaitForExit(timeout);

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(9);
        }

        _process.WaitForExit(TimeSpan.FromSeconds(10));
        _process.Dispose();
        _starter.Dispose();
    }
}
