// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace Hikae.Hooks.Tests;

/// <summary>The hook's question to hikaed, against a stand-in that answers by bytes. hikaed's own answers: Host.Tests.</summary>
public sealed class DaemonPermissionTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("hikae-hook-").FullName;

    private string SocketPath => Path.Combine(_folder, "hikaed.sock");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("""{"type":"result","ok":true,"message":""}""", null)]
    [InlineData("""{"message":"x","extra":{"ok":false},"ok":true,"type":"result"}""", null)]
    [InlineData("""{"type":"result","ok":false,"message":"active on hostB"}""", "active on hostB")]
    [InlineData("""{"type":"result","ok":false}""", "hikaed refuses")]
    public async Task The_answer_decides(string answer, string? expected)
    {
        using Socket daemon = Listen();
        Task<string> request = AnswerAsync(daemon, Frame(answer));

        string? reason = await Task.Run(Ask, TestContext.Current.CancellationToken);

        Assert.Equal(expected, reason);
        Assert.Equal($$"""{"type":"askStart","uuid":"{{Domain.Uuid}}"}""", await request);
    }

    [Theory]
    [InlineData("""{"type":"statuses","guests":[]}""")]
    [InlineData("""{"type":"result","ok":"yes"}""")]
    [InlineData("""{"type":"result","ok":""")]
    [InlineData("null")]
    public async Task An_answer_that_is_none_lets_nothing_start(string answer)
    {
        using Socket daemon = Listen();
        Task<string> request = AnswerAsync(daemon, Frame(answer));

        Assert.Contains("may be active on another host", await Task.Run(Ask, TestContext.Current.CancellationToken), StringComparison.Ordinal);
        await request;
    }

    [Theory]
    [InlineData(new byte[] { })]
    [InlineData(new byte[] { 0, 0 })]
    [InlineData(new byte[] { 0, 0, 0, 0 })]
    [InlineData(new byte[] { 0x7f, 0xff, 0xff, 0xff })]
    [InlineData(new byte[] { 0xff, 0xff, 0xff, 0xff })]
    public async Task Bytes_that_are_no_frame_let_nothing_start(byte[] answer)
    {
        using Socket daemon = Listen();
        Task<string> request = AnswerAsync(daemon, answer);

        Assert.Contains("may be active on another host", await Task.Run(Ask, TestContext.Current.CancellationToken), StringComparison.Ordinal);
        await request;
    }

    [Fact]
    public void Without_hikaed_the_reason_names_the_cure()
    {
        string? reason = Ask();

        Assert.Contains("systemctl start hikaed", reason, StringComparison.Ordinal);
        Assert.Contains("virsh metadata web urn:hikae:domain:1 --config --remove", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_hikaed_a_migration_is_refused_and_nobody_is_told_to_force_it()
    {
        string? reason = new DaemonPermission(SocketPath, HookProcess.Patience).WhyNotMigrate("web", Domain.Uuid);

        Assert.Contains("systemctl start hikaed", reason, StringComparison.Ordinal);
        Assert.DoesNotContain("--remove", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hikaed_that_says_nothing_is_not_waited_for_forever()
    {
        using Socket daemon = Listen();

        Assert.Contains("does not answer", new DaemonPermission(SocketPath, TimeSpan.FromMilliseconds(50)).WhyNot("web", Domain.Uuid), StringComparison.Ordinal);
    }

    private static byte[] Frame(string json)
    {
        byte[] frame = new byte[4 + json.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, json.Length);
        Encoding.ASCII.GetBytes(json, frame.AsSpan(4));
        return frame;
    }

    private static async Task<string> AnswerAsync(Socket daemon, byte[] answer)
    {
        using Socket hook = await daemon.AcceptAsync();
        byte[] prefix = new byte[4];
        await ReceiveAsync(hook, prefix);
        byte[] request = new byte[BinaryPrimitives.ReadInt32BigEndian(prefix)];
        await ReceiveAsync(hook, request);
        await hook.SendAsync(answer);
        return Encoding.ASCII.GetString(request);
    }

    private static async Task ReceiveAsync(Socket socket, Memory<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            buffer = buffer[await socket.ReceiveAsync(buffer)..];
        }
    }

    private string? Ask() => new DaemonPermission(SocketPath, HookProcess.Patience).WhyNot("web", Domain.Uuid);

    private Socket Listen()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(SocketPath));
        socket.Listen();
        return socket;
    }
}
