// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Host.Disks;
using Hikae.Host.Fencing;
using Hikae.Host.Room;
using Hikae.Host.Sidecars;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Logging;

namespace Hikae.Host.Control;

/// <summary>The control socket: sidecars register and report, the command line asks.</summary>
/// <remarks>
/// Only root can connect: the socket is 0600 in a 0700 directory. Still nothing a peer sends is trusted: messages are
/// bounded, a connection that says nothing at first is closed, and there are at most <see cref="MaxConnections"/>.
/// </remarks>
internal sealed class ControlServer(Socket listener, SidecarRegistry registry, ISidecarDeaths deaths, StartGuard guard, FenceAgent fence, DiskSockets disks, ReplicaBudget budget, RecoveryQueue recoveries, TimeProvider clock, ILogger logger)
{
    /// <summary>As many as sidecars may register, and some for those who ask.</summary>
    public const int MaxConnections = SidecarRegistry.MaxSidecars + 256;

    /// <summary>For the first message, and between two questions of a command.</summary>
    public static readonly TimeSpan FirstMessageLimit = TimeSpan.FromSeconds(10);

    /// <summary>A failover takes a second or two; a planned one first sends what is missing.</summary>
    public static readonly TimeSpan FailoverLimit = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromSeconds(1);

    private int _connections;

    /// <summary>Binds the socket so that nobody but its owner could ever connect.</summary>
    public static Socket Listen(string path)
    {
        File.Delete(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(new UnixDomainSocketEndPoint(path));
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            socket.Listen(128);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await listener.AcceptAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (SocketException error)
            {
                logger.ControlAcceptFailed(error.Message);
                await Task.Delay(PauseAfterFailure, clock, cancellationToken).ConfigureAwait(false);
                continue;
            }
            if (Interlocked.Increment(ref _connections) > MaxConnections)
            {
                Interlocked.Decrement(ref _connections);
                logger.ControlRefused("too many connections");
                socket.Dispose();
                continue;
            }
            _ = ServeAsync(socket, cancellationToken);
        }
    }

    private async Task ServeAsync(Socket socket, CancellationToken cancellationToken)
    {
        using var connection = new ControlConnection(socket);
        try
        {
            ControlMessage? first = await ReadInTimeAsync(connection, cancellationToken).ConfigureAwait(false);
            if (first is Register register)
            {
                await ServeSidecarAsync(register, connection, cancellationToken).ConfigureAwait(false);
            }
            else if (first is AskTurn wish)
            {
                await recoveries.ServeAsync(Checked(wish), connection, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                await ServeCommandAsync(first, connection, cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception error) when (error is ControlProtocolException or TimeoutException)
        {
            logger.ControlRefused(error.Message);
        }
        catch (Exception error) when (error is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The peer is gone, was replaced, or hikaed ends.
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    }

    private async Task ServeSidecarAsync(Register register, ControlConnection connection, CancellationToken cancellationToken)
    {
        if (register.Guest.Length is 0 or > ControlLimits.MaxNameLength || register.Pid < 1
            || (register.Uuid == Guid.Empty && register.Role is GuestRole.Primary))
        {
            throw new ControlProtocolException("A registration without a usable name, UUID or process id.");
        }
        var sidecar = new RegisteredSidecar(register, connection);
        if (!registry.TryAdd(sidecar))
        {
            throw new ControlProtocolException($"More than {SidecarRegistry.MaxSidecars} sidecars.");
        }
        logger.SidecarRegistered(register.Role, register.Guest, register.Uuid, register.Pid);
        try
        {
            while (await connection.ReadAsync(cancellationToken).ConfigureAwait(false) is ControlMessage message)
            {
                Hear(sidecar, message);
            }
        }
        finally
        {
            if (registry.Leave(sidecar) && !cancellationToken.IsCancellationRequested)
            {
                deaths.Lost(sidecar);
            }
            else if (sidecar.SaidGoodbye)
            {
                logger.SidecarLeft(sidecar.Key.Role, sidecar.Guest, sidecar.Key.Uuid);
                if (sidecar.Key.Role is GuestRole.Primary)
                {
                    disks.Close(sidecar.Key.Uuid);
                }
                deaths.Left(sidecar);
            }
        }
    }

    private void Hear(RegisteredSidecar sidecar, ControlMessage message)
    {
        switch (message)
        {
            case Status { Guest: var status }:
                if (status.Uuid != sidecar.Key.Uuid || status.Role != sidecar.Key.Role || IsTooLong(status.Guest)
                    || IsTooLong(status.Host) || IsTooLong(status.Peer))
                {
                    throw new ControlProtocolException($"A status of {status.Role} {status.Uuid} from the sidecar of {sidecar.Key.Role} {sidecar.Key.Uuid}.");
                }
                if (registry.Report(sidecar, status)?.State != status.State)
                {
                    logger.StateChanged(status.Guest, status.Uuid, status.State, status.Reason ?? "");
                }
                break;
            case Goodbye:
                sidecar.SaidGoodbye = true;
                break;
            case FenceHost { Host: var host }:
                _ = AnswerFenceAsync(sidecar, host);
                break;
            case Result result:
                sidecar.FailoverAnswer?.TrySetResult(result);
                break;
            default:
                throw new ControlProtocolException($"A sidecar sent {message.GetType().Name}.");
        }
    }

    private async Task AnswerFenceAsync(RegisteredSidecar sidecar, string host) =>
        await sidecar.Connection.SendAsync(await fence.FenceAsync(host).ConfigureAwait(false)).ConfigureAwait(false);

    private static AskTurn Checked(AskTurn wish) => IsTooLong(wish.Guest) || IsTooLong(wish.Primary) || wish.GuestBytes < 0 || wish.UsedBytes < 0
        ? throw new ControlProtocolException("A wish for a turn with a name that is too long, or without a size.")
        : wish;

    private static bool IsTooLong(string? name) => name?.Length > ControlLimits.MaxNameLength;

    private async Task ServeCommandAsync(ControlMessage? first, ControlConnection connection, CancellationToken cancellationToken)
    {
        for (ControlMessage? message = first; message is not null; message = await ReadInTimeAsync(connection, cancellationToken).ConfigureAwait(false))
        {
            switch (message)
            {
                case Query:
                    foreach (Statuses page in StatusPages.Split(registry.Statuses()))
                    {
                        await connection.SendAsync(page).ConfigureAwait(false);
                    }
                    break;
                case Listen listen:
                    await ListenAsync(listen, connection).ConfigureAwait(false);
                    break;
                case FailoverGuest { Guest: var guest }:
                    await connection.SendAsync(await FailoverAsync(guest, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
                    break;
                case AskRoom { Uuid: var guest }:
                    await connection.SendAsync(budget.Ask(guest)).ConfigureAwait(false);
                    break;
                case AskStart question:
                    await connection.SendAsync(await guard.AskAsync(question, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
                    break;
                default:
                    throw new ControlProtocolException($"{message.GetType().Name} is neither a registration nor a question.");
            }
        }
    }

    private async Task ListenAsync(Listen listen, ControlConnection connection)
    {
        Socket socket;
        try
        {
            socket = disks.Open(listen);
        }
        catch (IOException error)
        {
            logger.DiskSocketFailed(error.Message);
            await connection.SendAsync(new Result(false, error.Message)).ConfigureAwait(false);
            return;
        }
        await connection.SendAsync(new Listening(), socket).ConfigureAwait(false);
    }

    private async Task<Result> FailoverAsync(string guest, CancellationToken cancellationToken)
    {
        logger.FailoverAsked(guest.Length > ControlLimits.MaxNameLength ? "a name that is too long" : guest);
        if (registry.FailoverTarget(guest) is not RegisteredSidecar sidecar)
        {
            return new Result(false, $"no sidecar on this host looks after \"{guest}\"");
        }
        if (registry.BeginFailover(sidecar) is not TaskCompletionSource<Result> answer)
        {
            return new Result(false, "a failover of this guest is under way already");
        }
        if (!await sidecar.Connection.SendAsync(new Failover()).ConfigureAwait(false))
        {
            return new Result(false, "the sidecar does not listen");
        }
        try
        {
            return await answer.Task.WaitAsync(FailoverLimit, clock, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            answer.TrySetResult(new Result(false, "too late"));
            return new Result(false, $"the sidecar did not answer within {FailoverLimit.TotalSeconds} s; see its log");
        }
    }

    private async Task<ControlMessage?> ReadInTimeAsync(ControlConnection connection, CancellationToken cancellationToken)
    {
        // A source that has its own timer may be disposed while that fires; one that a timer of ours cancels may not.
        using var timeout = new CancellationTokenSource(FirstMessageLimit, clock);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            return await connection.ReadAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"no message within {FirstMessageLimit.TotalSeconds} s");
        }
    }
}
