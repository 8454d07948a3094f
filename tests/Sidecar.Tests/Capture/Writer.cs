// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using Hikae.Native.Linux;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Capture;
using Hikae.Sidecar.Epoch;
using Xunit;

namespace Hikae.Sidecar.Tests.Capture;

/// <summary>One running <see cref="WriterProgram"/> in QEMU's place; signals pause it.</summary>
internal sealed class Writer : IGuestPause, IDisposable
{
    private const int SigKill = 9;
    private const int SigCont = 18;
    private const int SigStop = 19;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Process _starter;
    private readonly PidFd _process;

    public Writer(WriterProgram program, uint pages, bool readsDirectly = false)
    {
        string[] device = readsDirectly ? ["device"] : [];
        _starter = Process.Start(new ProcessStartInfo(program.Path, [pages.ToString(CultureInfo.InvariantCulture), .. device])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        string[] words = _starter.StandardOutput.ReadLine()!.Split(' ');
        Pid = int.Parse(words[0], CultureInfo.InvariantCulture);
        ulong start = ulong.Parse(words[1], CultureInfo.InvariantCulture);
        _process = PidFd.Open(Pid);

        // As two blocks, of which the second is not a multiple of anything.
        long firstBytes = pages / 3 * 4096L;
        Blocks =
        [
            new RamBlock(new RamBlockInfo("pc.ram", firstBytes, 4096), start),
            new RamBlock(new RamBlockInfo("pc.rom", (pages * 4096L) - firstBytes, 4096), start + (ulong)firstBytes),
        ];
    }

    public int Pid { get; }

    public IReadOnlyList<RamBlock> Blocks { get; }

    public bool TryPause(PauseTimings? pause = null)
    {
        _process.Kill(SigStop);
        if (!SpinWait.SpinUntil(AllThreadsStopped, Patience))
        {
            throw new TimeoutException("the writer did not stop");
        }
        return true;
    }

    public void Resume() => _process.Kill(SigCont);

    /// <summary>Has the program do what a letter stands for.</summary>
    public void Do(char letter)
    {
        _starter.StandardInput.Write(letter);
        _starter.StandardInput.Flush();
        Assert.Equal(letter.ToString(), _starter.StandardOutput.ReadLine());
    }

    public byte[] Read(int block)
    {
        byte[] bytes = new byte[Blocks[block].Info.UsedBytes];
        ProcessMemory.Read(Pid, [new MemoryRange(Blocks[block].HostAddress, (ulong)bytes.Length)], bytes);
        return bytes;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(SigKill);
        }
        _process.WaitForExit(Patience);
        _process.Dispose();
        _starter.Dispose();
    }

    private bool AllThreadsStopped() => Directory.EnumerateDirectories($"/proc/{Pid}/task").All(thread =>
    {
        // "4711 (program) T ...": the state follows the name.
        string stat = File.ReadAllText(Path.Combine(thread, "stat"));
        return stat[stat.LastIndexOf(')') + 2] == 'T';
    });
}
