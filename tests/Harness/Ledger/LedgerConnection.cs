// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Hikae.Harness.Ledger;

/// <summary>One TCP connection to the ledger: one request at a time. <see cref="IOException"/> and <see cref="SocketException"/> mean that the outcome is unknown.</summary>
public sealed class LedgerConnection : IDisposable
{
    /// <summary>Where the ledger listens in its guest.</summary>
    public const int Port = 7002;

    private readonly Socket _socket;
    private readonly NetworkStream _stream;
    private readonly StreamReader _reader;

    private LedgerConnection(Socket socket)
    {
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: true);
        _reader = new StreamReader(_stream, Encoding.ASCII);
    }

    /// <summary>Connects, or gives up after a while.</summary>
    /// <param name="makeSocket">Makes a TCP socket in the network of the client.</param>
    /// <param name="address">The guest.</param>
    /// <param name="patience">For connecting, and later for each answer.</param>
    public static LedgerConnection Open(Func<Socket> makeSocket, IPAddress address, TimeSpan patience)
    {
        ArgumentNullException.ThrowIfNull(makeSocket);
        Socket socket = makeSocket();
        try
        {
            socket.NoDelay = true;
            using var limit = new CancellationTokenSource(patience);
            socket.ConnectAsync(new IPEndPoint(address, Port), limit.Token).AsTask().GetAwaiter().GetResult();
            socket.ReceiveTimeout = (int)patience.TotalMilliseconds;
            return new LedgerConnection(socket);
        }
        catch (OperationCanceledException)
        {
            socket.Dispose();
            throw new IOException($"no connection to {address} within {patience.TotalSeconds} s");
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Adds an entry; gives balance and position.</summary>
    public (long Balance, long Position, LedgerStamp Stamp) Append(int account, long sequence, long amount)
    {
        string[] words = Ask($"append {account} {sequence} {amount}", "ok", 10);
        if (Number(words[1]) != account || Number(words[2]) != sequence || Number(words[3]) != amount)
        {
            throw new LedgerException($"asked append {account} {sequence} {amount}, answered {string.Join(' ', words)}");
        }

        return (Number(words[4]), Number(words[5]), Stamp(words.AsSpan(6)));
    }

    /// <summary>Reads an account; gives its newest sequence number and balance.</summary>
    public (long Sequence, long Balance, LedgerStamp Stamp) Read(int account)
    {
        string[] words = Ask($"read {account}", "at", 8);
        if (Number(words[1]) != account)
        {
            throw new LedgerException($"asked read {account}, answered {string.Join(' ', words)}");
        }

        return (Number(words[2]), Number(words[3]), Stamp(words.AsSpan(4)));
    }

    /// <summary>All entries from a position on.</summary>
    public IReadOnlyList<LedgerEntry> List(long from)
    {
        var entries = new List<LedgerEntry>();
        while (true)
        {
            int before = entries.Count;
            long head = ListPiece(from + before, entries);
            if (entries.Count == before || from + entries.Count > head)
            {
                return entries;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _reader.Dispose();
        _stream.Dispose();
        _socket.Dispose();
    }

    private long ListPiece(long from, List<LedgerEntry> entries)
    {
        Send($"list {from} 500");
        while (true)
        {
            string[] words = Receive().Split(' ');
            switch (words[0])
            {
                case "entry" when words.Length == 6:
                    entries.Add(new LedgerEntry(Number(words[1]), (int)Number(words[2]), Number(words[3]), Number(words[4]), Number(words[5])));
                    break;
                case "end" when words.Length == 5:
                    return Number(words[1]);
                default:
                    throw new LedgerException($"asked list {from}, answered {string.Join(' ', words)}");
            }
        }
    }

    private string[] Ask(string request, string kind, int length)
    {
        Send(request);
        string answer = Receive();
        string[] words = answer.Split(' ');
        return words.Length == length && words[0] == kind
            ? words
            : throw new LedgerException($"asked {request}, answered {answer}") { IsGap = answer.StartsWith("no gap", StringComparison.Ordinal) };
    }

    private void Send(string request) => _stream.Write(Encoding.ASCII.GetBytes(request + "\n"));

    private string Receive() => _reader.ReadLine() ?? throw new IOException("the ledger closed the connection");

    private static LedgerStamp Stamp(ReadOnlySpan<string> words) => new(Number(words[0]), Number(words[1]), words[2], Number(words[3]));

    private static long Number(string word) => long.Parse(word, CultureInfo.InvariantCulture);
}
