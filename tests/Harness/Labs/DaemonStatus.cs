// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text.Json;

namespace Hikae.Harness.Labs;

/// <summary>
/// What <c>hikae status --json</c> asks hikaed, without a process for each question: tests that wait ask some times a second, and starting programs took a
/// quarter of a test run's processor time. The frames are those of ControlFrame, read by name as a script would.
/// </summary>
internal static class DaemonStatus
{
    private const int PrefixBytes = 4;
    private const int MaxFrameBytes = 1 << 20;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <summary>All guests of the daemon behind a control socket.</summary>
    /// <exception cref="IOException">It does not answer.</exception>
    internal static IReadOnlyList<GuestReport> Ask(string socketPath)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(socketPath));
        }
        catch (SocketException error)
        {
            throw new IOException(error.Message, error);
        }
        using var stream = new NetworkStream(socket) { ReadTimeout = (int)Patience.TotalMilliseconds, WriteTimeout = (int)Patience.TotalMilliseconds };
        byte[] query = [0, 0, 0, 0, .. """{"type":"query"}"""u8];
        BinaryPrimitives.WriteInt32BigEndian(query, query.Length - PrefixBytes);
        stream.Write(query);
        List<GuestReport> all = [];
        bool more;
        do
        {
            using JsonDocument answer = JsonDocument.Parse(ReadFrame(stream));
            all.AddRange(answer.RootElement.GetProperty("guests").Deserialize<GuestReport[]>(Json)!);
            more = answer.RootElement.TryGetProperty("more", out JsonElement follows) && follows.GetBoolean();
        }
        while (more);
        return all;
    }

    private static byte[] ReadFrame(NetworkStream stream)
    {
        byte[] prefix = new byte[PrefixBytes];
        stream.ReadExactly(prefix);
        int length = BinaryPrimitives.ReadInt32BigEndian(prefix);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)MaxFrameBytes);
        byte[] json = new byte[length];
        stream.ReadExactly(json);
        return json;
    }
}
