// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Buffers;
using System.Diagnostics;
using Hikae.Native.Linux;
using Hikae.Sidecar.Disk.Buffer;
using static Hikae.Sidecar.Disk.Nbd.NbdProtocol;

namespace Hikae.Sidecar.Disk.Nbd;

/// <summary>One client.</summary>
/// <remarks>
/// Theory of operation. A thread of its own receives as much as there is, handles every whole request in it, and sends all replies at once.
/// It never waits for the image: what cannot be done from memory goes to <see cref="WaitingThreads"/>, which answer by themselves, so replies
/// come out of order. Whatever a client sends, only its own connection ends, and what it can make us allocate is bounded by
/// <see cref="NbdLimits"/>.
/// </remarks>
internal sealed class NbdConnection : IDisposable
{
    // As QEMU's I/O threads have it (iothread poll-max-ns).
    private static readonly TimeSpan SpinTime = TimeSpan.FromMicroseconds(32);

    // set once
    private readonly AcceptedSocket _socket;
    private readonly INbdExport _export;
    private readonly WaitingThreads _waiting;
    private readonly Lock _sending = new();
    private bool _structured;
    private bool _hasContext;

    // this connection's thread only
    private readonly List<DiskRange> _missing = [];
    private bool _clientIsQuick;
    private byte[] _received = ArrayPool<byte>.Shared.Rent(NbdLimits.ReceiveBytes);
    private int _filled;
    private uint _skip;

    public NbdConnection(AcceptedSocket socket, INbdExport export)
    {
        _socket = socket;
        _export = export;
        _waiting = new WaitingThreads(HandleWaiting);
    }

    /// <summary>Until the client leaves. Errors of the connection end it, too.</summary>
    /// <exception cref="NbdProtocolException">The client is none.</exception>
    public void Run()
    {
        try
        {
            _socket.Patience = NbdLimits.HandshakePatience;
            var handshake = new NbdHandshake(_socket, _export);
            if (!handshake.Run())
            {
                return;
            }

            _structured = handshake.HasStructuredReplies;
            _hasContext = handshake.HasAllocationContext;
            _socket.Patience = null;
            Transmit();
        }
        catch (Exception gone) when (gone is ClientGoneException or LinuxException or TimeoutException or EndOfStreamException or ObjectDisposedException)
        {
            // The client, or we, closed the connection.
        }
        finally
        {
            // What was taken from the client is done, though nobody may hear of it.
            _waiting.Finish();
            ArrayPool<byte>.Shared.Return(_received);
            _received = [];
        }
    }

    /// <summary>Ends the connection from another thread.</summary>
    public void Close() => _socket.Close();

    public void Dispose() => _socket.Dispose();

    private void Transmit()
    {
        using var replies = new ReplyBuffer(_structured);
        bool goesOn = true;
        while (goesOn)
        {
            int received = Receive(_received.AsSpan(_filled));
            if (received == 0)
            {
                return;
            }

            _filled += received;
            goesOn = HandleReceived(replies);
            Send(replies);
        }
    }

    // A client that keeps requests in flight sends the next one within microseconds. To sleep until then, and to be woken by its send, costs both of us
    // more than to look again; a client that was slower is waited for asleep.
    private int Receive(Span<byte> destination)
    {
        long began = Stopwatch.GetTimestamp();
        bool spins = _clientIsQuick;
        while (spins && Stopwatch.GetElapsedTime(began) < SpinTime)
        {
            if (_socket.TryReceive(destination) is int found)
            {
                return found;
            }
            Thread.Yield();
        }
        int received = _socket.Receive(destination);
        // A sleep ends late: being woken is in it.
        _clientIsQuick = !spins && Stopwatch.GetElapsedTime(began) < 2 * SpinTime;
        return received;
    }

    // False: the client said goodbye.
    private bool HandleReceived(ReplyBuffer replies)
    {
        int at = 0;
        bool goesOn = true;
        while (goesOn)
        {
            if (_skip > 0)
            {
                int skipped = (int)Math.Min(_skip, (uint)(_filled - at));
                at += skipped;
                _skip -= (uint)skipped;
            }

            if (_filled - at < NbdRequest.HeaderBytes)
            {
                break;
            }

            NbdRequest request = NbdRequest.Read(_received.AsSpan(at));
            if (request.Type == NBD_CMD_DISC)
            {
                goesOn = false;
            }
            else if (request.Refusal(_export.SizeBytes, _hasContext) is uint error and not 0)
            {
                Refuse(request, error, replies);
                at += NbdRequest.HeaderBytes;
            }
            else if (_filled - at - NbdRequest.HeaderBytes < request.PayloadBytes)
            {
                MakeRoom(NbdRequest.HeaderBytes + (int)request.PayloadBytes, ref at);
                return true;
            }
            else
            {
                at += NbdRequest.HeaderBytes;
                Handle(request, _received.AsSpan(at, (int)request.PayloadBytes), replies);
                at += (int)request.PayloadBytes;
            }
        }

        MakeRoom(NbdRequest.HeaderBytes, ref at);
        return goesOn;
    }

    // Moves what was not handled to the front, into a larger buffer if the next request needs one.
    private void MakeRoom(int wholeRequestBytes, ref int at)
    {
        Span<byte> rest = _received.AsSpan(at, _filled - at);
        bool tooSmall = _received.Length < wholeRequestBytes;
        bool tooLarge = _received.Length > NbdLimits.KeptBytes && wholeRequestBytes <= NbdLimits.ReceiveBytes && rest.Length <= NbdLimits.ReceiveBytes;
        if (tooSmall || tooLarge)
        {
            byte[] other = ArrayPool<byte>.Shared.Rent(Math.Max(wholeRequestBytes, NbdLimits.ReceiveBytes));
            rest.CopyTo(other);
            ArrayPool<byte>.Shared.Return(_received);
            _received = other;
        }
        else if (at > 0)
        {
            rest.CopyTo(_received);
        }

        _filled -= at;
        at = 0;
    }

    private void Refuse(in NbdRequest request, uint error, ReplyBuffer replies)
    {
        if (request.PayloadBytes > NbdLimits.MaxSkippedBytes)
        {
            throw new NbdProtocolException($"a WRITE of {request.Length} bytes");
        }

        _skip = request.PayloadBytes;
        replies.AddError(request.Cookie, error);
    }

    private void Handle(in NbdRequest request, ReadOnlySpan<byte> payload, ReplyBuffer replies)
    {
        try
        {
            switch (request.Type)
            {
                case NBD_CMD_READ:
                    Read(request, replies);
                    break;
                case NBD_CMD_WRITE or NBD_CMD_TRIM or NBD_CMD_WRITE_ZEROES:
                    Write(request, payload, replies);
                    break;
                case NBD_CMD_FLUSH:
                    if (_export.TryFlush())
                    {
                        replies.AddDone(request.Cookie);
                        break;
                    }

                    Wait(new WaitingRequest(request, WriteStep.Done, null), replies);
                    break;
                default:
                    Wait(new WaitingRequest(request, WriteStep.Done, null), replies);
                    break;
            }
        }
        catch (Exception error) when (error is not (ClientGoneException or NbdProtocolException) && !NbdErrors.IsEnd(error))
        {
            replies.AddError(request.Cookie, NbdErrors.Of(error));
        }
    }

    private void Read(in NbdRequest request, ReplyBuffer replies)
    {
        int length = (int)request.Length;
        if (replies.IsFull(length))
        {
            Send(replies);
        }

        _missing.Clear();
        if (_export.TryRead((long)request.Offset, replies.BeginData(length), _missing))
        {
            replies.CompleteData(request.Cookie, request.Offset, length);
        }
        else
        {
            Wait(new WaitingRequest(request, WriteStep.Done, null), replies);
        }
    }

    private void Write(in NbdRequest request, ReadOnlySpan<byte> payload, ReplyBuffer replies)
    {
        WriteStep step = _export.Write(KindOf(request), (long)request.Offset, request.Length, payload, request.IsFua);
        if (step is WriteStep.Done)
        {
            replies.AddDone(request.Cookie);
            return;
        }

        byte[]? copy = null;
        if (step is WriteStep.NotBegun && !payload.IsEmpty)
        {
            copy = ArrayPool<byte>.Shared.Rent(payload.Length);
            payload.CopyTo(copy);
        }

        Wait(new WaitingRequest(request, step, copy), replies);
    }

    // This may wait itself, when too many do already: the client gets first what is ready.
    private void Wait(in WaitingRequest request, ReplyBuffer replies)
    {
        Send(replies);
        _waiting.Add(request);
    }

    private void HandleWaiting(WaitingRequest waiting)
    {
        NbdRequest request = waiting.Request;
        try
        {
            using var replies = new ReplyBuffer(_structured);
            try
            {
                Complete(waiting, replies);
            }
            catch (Exception end) when (NbdErrors.IsEnd(end))
            {
                Close();
                return;
            }
            catch (Exception error)
            {
                replies.Clear();
                replies.AddError(request.Cookie, NbdErrors.Of(error));
            }

            Send(replies);
        }
        catch (ClientGoneException)
        {
            // Nobody is there to hear the answer.
        }
        finally
        {
            if (waiting.Data is { } data)
            {
                ArrayPool<byte>.Shared.Return(data);
            }
        }
    }

    private void Complete(in WaitingRequest waiting, ReplyBuffer replies)
    {
        NbdRequest request = waiting.Request;
        long offset = (long)request.Offset;
        switch (request.Type)
        {
            case NBD_CMD_READ:
                Span<byte> data = replies.BeginData((int)request.Length);
                _export.Read(offset, data);
                replies.CompleteData(request.Cookie, request.Offset, data.Length);
                break;
            case NBD_CMD_FLUSH:
                _export.Flush();
                replies.AddDone(request.Cookie);
                break;
            case NBD_CMD_BLOCK_STATUS:
                List<NbdExtent> extents = [];
                _export.Extents(offset, request.Length, (request.Flags & NBD_CMD_FLAG_REQ_ONE) != 0 ? 1 : NbdLimits.MaxExtents, extents);
                replies.AddExtents(request.Cookie, NbdHandshake.AllocationContext, extents);
                break;
            default:
                ReadOnlySpan<byte> payload = waiting.Data.AsSpan(0, waiting.Data is null ? 0 : (int)request.PayloadBytes);
                _export.FinishWrite(waiting.Step, KindOf(request), offset, request.Length, payload, request.IsFua);
                replies.AddDone(request.Cookie);
                break;
        }
    }

    private static DiskWrite KindOf(in NbdRequest request) => request.Type switch
    {
        NBD_CMD_WRITE => DiskWrite.Write,
        NBD_CMD_TRIM => DiskWrite.Trim,
        _ => (request.Flags & NBD_CMD_FLAG_NO_HOLE) != 0 ? DiskWrite.WriteZeroes : DiskWrite.UnmapZeroes,
    };

    private void Send(ReplyBuffer replies)
    {
        ReadOnlySpan<byte> pending = replies.Pending;
        if (pending.IsEmpty)
        {
            return;
        }

        lock (_sending)
        {
            try
            {
                _socket.Send(pending);
            }
            catch (Exception error) when (error is LinuxException or ObjectDisposedException)
            {
                throw new ClientGoneException(error);
            }
        }

        replies.Clear();
    }
}
