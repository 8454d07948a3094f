// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.PageStore;
using Hikae.Sidecar.Recovery;
using Microsoft.Win32.SafeHandles;
using Xunit;
using ZstdSharp;

namespace Hikae.Sidecar.Tests.Recovery;

/// <summary>
/// A guest is stopped in one QEMU, put into a store, and goes on in another. What it wrote there and here must be one
/// unbroken count, over memory whose checksum did not change.
/// </summary>
public sealed partial class RealQemuTests(QemuFixture fixture) : IClassFixture<QemuFixture>
{
    private const int EofAndHead = 8;

    [Fact]
    public void A_guest_goes_on_from_a_postcopy_source()
    {
        using ReplicaStore store = new();
        string before = Capture(store, "primary-lazy");

        using TestQemu backup = new(fixture, "backup-lazy", "-incoming", "defer");
        backup.Execute("migrate-set-capabilities", new { capabilities = new[] { new { capability = "postcopy-ram", state = true } } });
        long started = Stopwatch.GetTimestamp();
        using NetworkStream stream = Connect(backup, "lazy.sock");
        using PostcopySource source = new(store, QemuFixture.Machine, stream);
        Thread sender = new(() => source.Run(TimeSpan.FromSeconds(60)));
        sender.Start();
        backup.WaitForEvent("RESUME");
        Report("postcopy", started);
        sender.Join();
        Report($"postcopy, all {source.Progress.SentPages} pages ({source.Progress.RequestedPages} asked for)", started);

        Assert.Equal(store.Statistics.HardPages, source.Progress.SentPages);
        AssertGoesOn(before, backup);
    }

    [Fact]
    public void A_guest_goes_on_from_an_ordinary_stream()
    {
        using ReplicaStore store = new();
        string before = Capture(store, "primary-whole");

        using TestQemu backup = new(fixture, "backup-whole", "-incoming", "defer");
        long started = Stopwatch.GetTimestamp();
        using NetworkStream stream = Connect(backup, "whole.sock");
        IncomingStreamWriter writer = new(store, QemuFixture.Machine);
        writer.Write(stream);
        backup.WaitForEvent("RESUME");
        Report($"ordinary stream, {writer.Progress.SentPages} pages", started);

        Assert.Equal(store.Statistics.HardPages, writer.Progress.SentPages);
        AssertGoesOn(before, backup);
    }

    [Fact]
    public void A_source_whose_QEMU_dies_says_so()
    {
        using ReplicaStore store = new();
        Capture(store, "primary-dying");

        using TestQemu backup = new(fixture, "backup-dying", "-incoming", "defer");
        backup.Execute("migrate-set-capabilities", new { capabilities = new[] { new { capability = "postcopy-ram", state = true } } });
        using NetworkStream stream = Connect(backup, "dying.sock");
        using PostcopySource source = new(store, "pc-q35-9.0", stream); // a machine type that this QEMU is not

        Assert.Throws<Sidecar.Recovery.Stream.MigrationStreamException>(() => source.Run(TimeSpan.FromSeconds(60)));
    }

    private string Capture(ReplicaStore store, string name)
    {
        using TestQemu primary = new(fixture, name);
        primary.WaitForLine("counter 3 ");
        primary.Execute("stop");
        string deviceState = fixture.PathOf($"{name}.devices");
        primary.Execute("xen-save-devices-state", new { filename = deviceState });
        (RamBlockInfo Info, long Address)[] blocks = RamBlocks(primary);
        store.SetBlocks([.. blocks.Select(block => block.Info)]);
        store.BeginEpoch(1);
        using (SafeFileHandle memory = File.OpenHandle($"/proc/{primary.ProcessId}/mem"))
        {
            for (int block = 0; block < blocks.Length; block++)
            {
                Put(store, block, blocks[block], memory);
            }
        }
        store.SetDeviceState(File.ReadAllBytes(deviceState).AsSpan(EofAndHead));
        store.CommitEpoch();
        return primary.Quit();
    }

    private static void Put(ReplicaStore store, int block, (RamBlockInfo Info, long Address) from, SafeFileHandle memory)
    {
        using Compressor zstd = new(1);
        byte[] page = new byte[4096];
        for (long i = 0; i < from.Info.PageCount; i++)
        {
            Assert.Equal(4096, RandomAccess.Read(memory, page, from.Address + (i * 4096)));
            if (page.AsSpan().IndexOfAnyExcept((byte)0) < 0)
            {
                store.PutSoft(block, i, 1, SoftClass.Zero);
                continue;
            }
            Span<byte> frame = zstd.Wrap(page);
            store.PutHard(block, i, frame.Length < 4096 ? frame : page);
        }
    }

    private static (RamBlockInfo, long)[] RamBlocks(TestQemu qemu)
    {
        string table = qemu.Execute("x-query-ramblock").GetProperty("human-readable-text").GetString()!;
        return [.. RamBlockLine().Matches(table).Select(line => (
            new RamBlockInfo(line.Groups["name"].Value, Hex(line.Groups["used"].Value), 4096),
            Hex(line.Groups["hva"].Value))).Where(block => block.Item1.UsedBytes > 0)];
    }

    private static long Hex(string digits) => long.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private NetworkStream Connect(TestQemu qemu, string name)
    {
        string path = fixture.PathOf(name);
        qemu.Execute("migrate-incoming", new { uri = $"unix:{path}" });
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        return new NetworkStream(socket, ownsSocket: true);
    }

    private static void AssertGoesOn(string before, TestQemu backup)
    {
        int reached = Counters(before)[^1].Number;
        backup.WaitForLine($"counter {reached + 5} ");
        (int Number, string Checksum)[] all = Counters(before + backup.Quit());

        Assert.Equal(Enumerable.Range(1, all.Length), all.Select(line => line.Number));
        Assert.Single(all.Select(line => line.Checksum).Distinct());
    }

    // Whole lines only: the primary was stopped in the middle of one.
    private static (int Number, string Checksum)[] Counters(string console) =>
        [.. CounterLine().Matches(console).Select(line => (int.Parse(line.Groups[1].ValueSpan, CultureInfo.InvariantCulture), line.Groups[2].Value))];

    private static void Report(string what, long started) => TestContext.Current.TestOutputHelper?.WriteLine(
        $"{what}: {Stopwatch.GetElapsedTime(started).TotalMilliseconds:0} ms after migrate-incoming");

    [GeneratedRegex("^counter ([0-9]+) ([0-9a-f]{32})$", RegexOptions.Multiline)]
    private static partial Regex CounterLine();

    [GeneratedRegex(@"^ *(?<name>\S+) +4 KiB +0x[0-9a-f]+ +0x(?<used>[0-9a-f]+) +0x[0-9a-f]+ +0x(?<hva>[0-9a-f]+) ", RegexOptions.Multiline)]
    private static partial Regex RamBlockLine();
}
