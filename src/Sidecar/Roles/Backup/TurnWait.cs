// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using Hikae.Protocol.Control;
using Hikae.Protocol.Ownership;
using Hikae.Sidecar.Recovery;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar;

/// <summary>What a backup whose primary is lost does until its guest may be started here: it waits for the guest's turn, keeps the replica, and looks whether it is still of use.</summary>
internal sealed class TurnWait(string controlSocket, BackupLinks links, GuestOwnership ownership, StatusBoard status, ILogger logger) : IDisposable
{
    // A daemon that hangs must not keep a guest from going on.
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan RecordInterval = TimeSpan.FromSeconds(2);

    private readonly RecoveryTurn _turn = new(controlSocket, logger);

    /// <inheritdoc cref="RecoveryTurn.Ask"/>
    public void Ask(AskTurn wish, Action granted) => _turn.Ask(wish, granted);

    /// <inheritdoc cref="RecoveryTurn.End"/>
    public void End() => _turn.End();

    /// <summary>Returns when the guest may be claimed and started. False: its primary calls again, and it may not.</summary>
    /// <param name="loss">How the primary was lost, for people.</param>
    /// <param name="generation">The record that names this host as the backup; 0: none was seen.</param>
    /// <param name="isForced">Whether somebody wants the guest started at once, whatever else is.</param>
    /// <param name="cancellationToken">Ends the wait, and with it the replica.</param>
    public bool Await(string loss, long generation, Func<bool> isForced, CancellationToken cancellationToken)
    {
        long began = Stopwatch.GetTimestamp();
        long readAt = began;
        while (!_turn.IsGranted && !isForced())
        {
            if (_turn.Refusal is string reason)
            {
                status.Set(GuestState.Waiting, $"{loss}; the guest waits to be started here: {reason}");
            }
            else if (Stopwatch.GetElapsedTime(began) > AnswerPatience)
            {
                return true;
            }
            if (links.Wait(Poll, cancellationToken))
            {
                return false;
            }
            if (Stopwatch.GetElapsedTime(readAt) > RecordInterval)
            {
                if (IsVoid(generation))
                {
                    // The claim that follows fails, and says why.
                    return true;
                }
                readAt = Stopwatch.GetTimestamp();
            }
        }
        return true;
    }

    public void Dispose() => _turn.Dispose();

    /// <summary>The record has gone on without this replica: the primary came back, say, and started the guest from its disks.</summary>
    private bool IsVoid(long generation)
    {
        try
        {
            return generation > 0 && ownership.Refresh()?.Generation > generation;
        }
        catch (ArbiterUnavailableException)
        {
            return false;
        }
    }
}
