// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Net.Sockets;
using Hikae.Protocol.Control;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>Asks the daemon when this guest may be started here: a host that dies may have had many, and this host's memory and processors are for all of them.</summary>
/// <remarks>
/// The daemon may be absent or restart. One that cannot be reached, and has not told us to wait, is not waited for; once told to wait, this guest waits until some daemon
/// says otherwise. Any thread.
/// </remarks>
internal sealed class RecoveryTurn(string controlSocket, ILogger logger) : IDisposable
{
    private static readonly TimeSpan Retry = TimeSpan.FromMilliseconds(200);

    private readonly Lock _gate = new();

    // guarded by _gate
    private Request? _request;

    /// <summary>The guest may be started: it is its turn, or nobody is there to give one.</summary>
    public bool IsGranted
    {
        get
        {
            lock (_gate)
            {
                return _request is { IsGranted: true };
            }
        }
    }

    /// <summary>What the guest has to wait for; null: nothing was said, or it need not.</summary>
    public string? Refusal
    {
        get
        {
            lock (_gate)
            {
                return _request is { IsGranted: false, Refusal: var reason } ? reason : null;
            }
        }
    }

    /// <summary>Begins to ask, unless this was asked already. Does not wait.</summary>
    /// <param name="wish">The guest.</param>
    /// <param name="granted">Called once when it is its turn, and never after <see cref="End"/>. Must not wait.</param>
    public void Ask(AskTurn wish, Action granted)
    {
        lock (_gate)
        {
            if (_request is not null)
            {
                return;
            }
            var request = new Request(wish, granted);
            _request = request;
            new Thread(() => Run(request)) { IsBackground = true, Name = "turn" }.Start();
        }
    }

    /// <summary>The guest runs, or need not be started: somebody else's turn.</summary>
    public void End()
    {
        lock (_gate)
        {
            _request?.Socket?.Dispose();
            _request = null;
        }
    }

    public void Dispose() => End();

    private void Run(Request request)
    {
        while (IsWanted(request))
        {
            try
            {
                Converse(request);
            }
            catch (Exception error) when (error is SocketException or ObjectDisposedException or ControlProtocolException)
            {
                if (request.Refusal is null)
                {
                    Grant(request, error.Message);
                }
            }
            Thread.Sleep(Retry);
        }
    }

    private void Converse(Request request)
    {
        using Socket control = ControlSocket.Connect(controlSocket);
        lock (_gate)
        {
            if (_request != request)
            {
                return;
            }
            request.Socket = control;
            control.Send(ControlFrame.Write(request.Wish with { Held = request.IsGranted }));
        }
        foreach (ControlMessage message in ControlSocket.Receive(control))
        {
            if (message is Turn { Granted: true })
            {
                Grant(request, null);
            }
            else if (message is Turn turn)
            {
                request.Refusal = turn.Reason;
            }
        }
    }

    private bool IsWanted(Request request)
    {
        lock (_gate)
        {
            return _request == request;
        }
    }

    private void Grant(Request request, string? trouble)
    {
        lock (_gate)
        {
            if (_request == request && !request.IsGranted)
            {
                if (trouble is not null)
                {
                    logger.NoTurns(trouble);
                }
                request.IsGranted = true;
                request.Granted();
            }
        }
    }

    private sealed class Request(AskTurn wish, Action granted)
    {
        public AskTurn Wish { get; } = wish;

        public Action Granted { get; } = granted;

        // guarded by the turn's gate
        public Socket? Socket { get; set; }
        public bool IsGranted { get; set; }

        // written by the request's thread
        public volatile string? Refusal;
    }
}
