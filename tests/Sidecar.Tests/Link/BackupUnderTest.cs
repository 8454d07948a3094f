// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Replication;
using Hikae.Sidecar.Disk.Backup;
using Hikae.Sidecar.Link;
using Microsoft.Extensions.Logging.Abstractions;

namespace Hikae.Sidecar.Tests.Link;

/// <summary>A real session on the backup, with the primary's end of its link in the test's hands.</summary>
internal sealed class BackupUnderTest : IDisposable
{
    public static readonly Guid Guest = new("11111111-2222-3333-4444-555555555555");

    // Most tests here do not wait for silence.
    private static readonly TimeSpan LongPatience = TimeSpan.FromMinutes(5);

    private readonly TcpPair _pair = new();
    private readonly DirectoryInfo _runDirectory = Directory.CreateTempSubdirectory("hikae-backup-");
    private readonly Task _run;

    public BackupUnderTest(Func<string, DryStartResult>? dryStart = null, TimeSpan? patience = null, long maxBufferBytes = 64 << 20, int version = ReplicationVersion.Current)
    {
        TimeSpan detectAfter = patience ?? LongPatience;
        var configuration = new LinkConfiguration { Tls = LinkSecurity.PlaintextForTestsOnly, DetectAfter = detectAfter };
        Task<BackupLink> accept = Task.Run(() => BackupLink.Accept(_pair.Backup, Guest, "hostB", configuration));
        Primary = new RecordConnection(new NetworkStream(_pair.Primary), _pair.Primary);
        Primary.Send(RecordType.Hello, 0, ReplicationJson.Write(new Hello(version, ReplicationVersion.Oldest, Guest, "g", "hostA", 0, (int)detectAfter.TotalMilliseconds)));
        Primary.Receive(out ReadOnlySpan<byte> welcome);
        Welcome = ReplicationJson.Read<Welcome>(welcome);
        Session = new BackupSession(
            accept.GetAwaiter().GetResult(), detectAfter, dryStart ?? (_ => new DryStartResult(true, null, true)),
            new ReplicaDisks(_runDirectory.FullName, Guest, maxBufferBytes), NullLogger.Instance);
        _run = Task.Factory.StartNew(Session.Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    public Welcome Welcome { get; }

    public RecordConnection Primary { get; }

    public BackupSession Session { get; }

    /// <summary>Bytes as they are, past the connection that would frame them.</summary>
    public void SendRaw(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_pair.Primary.Send(bytes)..];
        }
    }

    /// <summary>The next record but for heartbeats.</summary>
    public (RecordType Type, ulong Epoch, byte[] Payload) Receive()
    {
        while (true)
        {
            RecordHeader header = Primary.Receive(out ReadOnlySpan<byte> payload);
            if (header.Type is not RecordType.Heartbeat)
            {
                return (header.Type, header.Epoch, payload.ToArray());
            }
        }
    }

    /// <summary>Returns when the session has shown so often that it is alive.</summary>
    public void WaitForHeartbeats(int count)
    {
        while (count > 0)
        {
            if (Primary.Receive(out _).Type is RecordType.Heartbeat)
            {
                count--;
            }
        }
    }

    public void CloseSending() => _pair.Primary.Shutdown(SocketShutdown.Send);

    /// <summary>Waits for the session's end and throws what ended it.</summary>
    public void Join() => _run.GetAwaiter().GetResult();

    public void Dispose()
    {
        Primary.Dispose();
        try
        {
            Join();
        }
        catch (PeerLostException)
        {
            // The link just closed.
        }
        Session.Dispose();
        _pair.Dispose();
        _runDirectory.Delete(recursive: true);
    }
}
