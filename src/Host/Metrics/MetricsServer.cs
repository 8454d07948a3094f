// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net;
using System.Net.Sockets;
using System.Text;
using Hikae.Host.Links;
using Microsoft.Extensions.Logging;

namespace Hikae.Host.Metrics;

/// <summary>Answers GET /metrics over HTTP/1.1: one request a connection, then it is closed.</summary>
/// <remarks>
/// Whoever reaches the port may ask, and nothing they send is trusted. A head has at most <see cref="HttpRequestHead.MaxBytes"/>; a body is not read; a connection lives for
/// <see cref="ConversationLimit"/>, whatever it does or does not; and of more than <see cref="MaxConnections"/> the oldest is closed. Nothing is logged for a single
/// request. Guests do not depend on it: where the address cannot be listened on, hikaed goes on without and tries again.
/// </remarks>
/// <param name="address">Where to listen; port 0 takes any.</param>
/// <param name="page">What is answered. Any thread.</param>
internal sealed class MetricsServer(IPEndPoint address, Func<string> page, TimeProvider clock, ILogger logger)
{
    /// <summary>A page of many guests has megabytes, and each connection its own.</summary>
    public const int MaxConnections = 8;

    /// <summary>From the first byte to the last. Prometheus gives up after ten seconds, too.</summary>
    public static readonly TimeSpan ConversationLimit = TimeSpan.FromSeconds(10);

    /// <summary>An address that is not this host's may become so: interfaces come up late.</summary>
    public static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(10);

    private readonly NewestConnections _open = new(MaxConnections);

    /// <summary>Null while nobody listens.</summary>
    public IPEndPoint? EndPoint { get; private set; }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using Socket listener = await ListenAsync(cancellationToken).ConfigureAwait(false);
        EndPoint = (IPEndPoint)listener.LocalEndPoint!;
        logger.MetricsReady(EndPoint.ToString());
        while (true)
        {
            try
            {
                Socket socket = await listener.AcceptAsync(cancellationToken).ConfigureAwait(false);
                _ = ServeAsync(socket, _open.Enter(socket), cancellationToken);
            }
            catch (SocketException)
            {
                // Out of descriptors, for instance, which other parts of hikaed report.
                await Task.Delay(PauseAfterFailure, clock, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<Socket> ListenAsync(CancellationToken cancellationToken)
    {
        bool reported = false;
        while (true)
        {
            try
            {
                return LinkListener.Listen(address.Address, address.Port);
            }
            catch (SocketException error)
            {
                if (!reported)
                {
                    logger.MetricsUnavailable(address.ToString(), error.Message);
                    reported = true;
                }
            }
            await Task.Delay(PauseAfterFailure, clock, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task ServeAsync(Socket socket, LinkedListNode<Socket> place, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(ConversationLimit, clock);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            using (socket)
            {
                byte[] answer = await AnswerAsync(socket, limit.Token).ConfigureAwait(false);
                for (int sent = 0; sent < answer.Length;)
                {
                    sent += await socket.SendAsync(answer.AsMemory(sent), SocketFlags.None, limit.Token).ConfigureAwait(false);
                }
                await LingerAsync(socket, limit.Token).ConfigureAwait(false);
            }
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // It was reset, made room for a newer one, took too long, or hikaed ends.
        }
        catch (Exception error)
        {
            logger.MetricsFailed(error);
        }
        finally
        {
            _open.Leave(place);
        }
    }

    private async Task<byte[]> AnswerAsync(Socket socket, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[HttpRequestHead.MaxBytes];
        int length = 0;
        try
        {
            HttpRequestHead head;
            while (!HttpRequestHead.TryRead(buffer.AsSpan(0, length), out head))
            {
                int received = await socket.ReceiveAsync(buffer.AsMemory(length), SocketFlags.None, cancellationToken).ConfigureAwait(false);
                if (received == 0)
                {
                    return [];
                }
                length += received;
            }
            return Answer(head);
        }
        catch (HttpRefusedException refusal)
        {
            return Message(refusal.Message, "text/plain; charset=utf-8", refusal.Message + "\n", withBody: true);
        }
    }

    private byte[] Answer(HttpRequestHead head) => head switch
    {
        { Method: not ("GET" or "HEAD") } => Message("405 Method Not Allowed\r\nAllow: GET, HEAD", "text/plain; charset=utf-8", "405 Method Not Allowed\n", withBody: true),
        { Path: "/metrics" } => Message("200 OK", MetricsText.ContentType, page(), head.Method == "GET"),
        _ => Message("404 Not Found", "text/plain; charset=utf-8", "404 Not Found: see /metrics\n", head.Method == "GET"),
    };

    private static byte[] Message(string status, string contentType, string body, bool withBody)
    {
        byte[] text = Encoding.UTF8.GetBytes(body);
        byte[] head = Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nContent-Type: {contentType}\r\nContent-Length: {text.Length}\r\nConnection: close\r\n\r\n");
        return withBody ? [.. head, .. text] : head;
    }

    /// <summary>To close with bytes of the client's unread would reset the connection, and the client might lose the answer.</summary>
    private static async Task LingerAsync(Socket socket, CancellationToken cancellationToken)
    {
        socket.Shutdown(SocketShutdown.Send);
        byte[] rest = new byte[4096];
        for (int read = 0; read < HttpRequestHead.MaxBytes;)
        {
            int received = await socket.ReceiveAsync(rest.AsMemory(), SocketFlags.None, cancellationToken).ConfigureAwait(false);
            if (received == 0)
            {
                return;
            }
            read += received;
        }
    }
}
