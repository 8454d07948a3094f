// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Net.Sockets;
using Hikae.Native.Libvirt;
using Hikae.Sidecar.PageStore;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Recovery;

/// <summary>One way through the steps of a recovery; may be gone a second time while the guest has not run.</summary>
internal sealed class RecoveryAttempt(ILogger logger, RecoveryProgress progress)
{
    public required IncomingDomainXml DomainXml { get; init; }

    public required ReplicaStore Store { get; init; }

    public required string? FormerPrimary { get; init; }

    public required Action<TimeSpan> Running { get; init; }

    public required Action<Domain> BeforeLoad { get; init; }

    public required TimeSpan ShutTimeout { get; init; }

    /// <summary>See <see cref="Protocol.Configuration.BackupConfiguration.PrefetchBytesPerSecond"/>.</summary>
    public required long? PrefetchBytesPerSecond { get; init; }

    /// <summary>Opens a new connection to libvirt, when the one at hand has failed.</summary>
    public required Func<Connection> Reconnect { get; init; }

    /// <summary>How long a libvirtd that is restarted is waited for.</summary>
    public required TimeSpan LibvirtPatience { get; init; }

    // A libvirtd that has just started may still be looking at its guests.
    private static readonly TimeSpan BusyPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PauseBeforeNextTry = TimeSpan.FromMilliseconds(100);

    /// <summary>True once lazy memory was tried.</summary>
    public bool UsedLazyMemory { get; private set; }

    /// <summary>True once the guest's processors may have run: what it did since then is in no replica.</summary>
    public bool GuestHasRun { get; private set; }

    /// <summary>Loads the guest into the prepared domain and lets it run. On failure the domain is destroyed; in any case it is disposed.</summary>
    public void Run(PreparedDomain prepared, bool lazyMemory)
    {
        IncomingDomain incoming = prepared.Incoming;
        try
        {
            progress.Done("domain created");
            UsedLazyMemory = lazyMemory && EnableLazyMemory(incoming);
            BeforeLoad(incoming.Domain);
            progress.Done("disks in place");
            string machineType = incoming.MachineType;
            using NetworkStream stream = incoming.Connect();
            progress.Done("connected to QEMU");
            if (UsedLazyMemory)
            {
                SupplyLazily(prepared, machineType, stream);
            }
            else
            {
                SupplyWhole(prepared.Connection, incoming, machineType, stream);
            }
            progress.Done("all memory is there");
        }
        catch
        {
            prepared.Destroy();
            throw;
        }
        prepared.Dispose();
    }

    private bool EnableLazyMemory(IncomingDomain incoming)
    {
        if (incoming.TryEnableLazyMemory() is not string reason)
        {
            return true;
        }
        logger.NoLazyMemory(reason);
        return false;
    }

    private void SupplyLazily(PreparedDomain prepared, string machineType, NetworkStream stream)
    {
        IncomingDomain incoming = prepared.Incoming;
        using PostcopySource source = new(Store, machineType, stream, new PushPace(PrefetchBytesPerSecond, TimeProvider.System));
        progress.Stream = source.Progress;
        Exception? failure = null;
        Thread sender = new(() =>
        {
            try
            {
                source.Run(ShutTimeout);
            }
            catch (Exception error)
            {
                // Thrown again below, on the thread that can do something about it. That one may be waiting for a QEMU which itself waits, in the
                // middle of "cont", for a page that nobody sends any more.
                Volatile.Write(ref failure, error);
                prepared.End();
            }
        })
        { IsBackground = true, Name = "lazy memory" };
        sender.Start();
        try
        {
            incoming.WaitUntilLoaded(prepared.Connection, ThrowIfFailed);
            Resume(prepared.Connection, incoming);
            sender.Join();
            ThrowIfFailed();
        }
        catch (Exception error) when (error is LibvirtException or RecoveryException)
        {
            // Why the sender failed is the better reason than that QEMU is gone.
            ThrowIfFailed();
            throw;
        }
        finally
        {
            // Ends a sender that still writes and the return path's thread, before the source is disposed.
            stream.Dispose();
            sender.Join();
        }

        void ThrowIfFailed()
        {
            if (Volatile.Read(ref failure) is Exception error)
            {
                throw new RecoveryException($"Lazy memory failed: {error.Message}", error);
            }
        }
    }

    private void SupplyWhole(Connection connection, IncomingDomain incoming, string machineType, NetworkStream stream)
    {
        IncomingStreamWriter writer = new(Store, machineType);
        progress.Stream = writer.Progress;
        try
        {
            writer.Write(stream);
        }
        catch (IOException error)
        {
            throw new RecoveryException(
                $"QEMU closed the stream after {writer.Progress.SentBytes} bytes; {IncomingDomain.LogOf(incoming.Domain)} says why ({error.Message}).", error);
        }
        progress.Done("memory written");
        // A load that fails from here on ends QEMU, and with it the monitor.
        incoming.WaitUntilLoaded(connection, () => { });
        Resume(connection, incoming);
    }

    private void Resume(Connection connection, IncomingDomain incoming)
    {
        progress.Done("devices loaded");
        GuestHasRun = true;
        using Connection? newer = LetRun(incoming);
        progress.Done("guest runs");
        Running(progress.Elapsed);
        try
        {
            using Domain defined = (newer ?? connection).DefineXml(DomainXml.ForDefinition(FormerPrimary));
            progress.Done("definition written");
        }
        catch (LibvirtException error)
        {
            // The guest is worth more than its definition: it goes on, and the log asks for help.
            logger.NotDefined(error.Message);
        }
    }

    /// <summary>
    /// libvirtd may go away in this very call, and then nobody says whether the guest runs: the next libvirtd is asked, and the guest is not given up for it.
    /// </summary>
    /// <returns>The connection to that libvirtd; null: none was needed.</returns>
    private Connection? LetRun(IncomingDomain incoming)
    {
        try
        {
            incoming.Domain.Resume();
            return null;
        }
        catch (LibvirtException error)
        {
            logger.ResumeTriedAgain(error.Message);
        }
        for (long started = Stopwatch.GetTimestamp(); ; Thread.Sleep(PauseBeforeNextTry))
        {
            Connection? connection = null;
            try
            {
                connection = Reconnect();
                ResumeUnlessItRuns(connection);
                return connection;
            }
            catch (Exception error) when (error is LibvirtException or RecoveryException)
            {
                TimeSpan patience = connection is { IsAlive: true } ? BusyPatience : LibvirtPatience;
                connection?.Dispose();
                if (error is RecoveryException || Stopwatch.GetElapsedTime(started) > patience)
                {
                    throw;
                }
            }
        }
    }

    private void ResumeUnlessItRuns(Connection connection)
    {
        using Domain? domain = connection.FindByUuid(DomainXml.Uuid);
        if (domain is null || domain.Id < 0)
        {
            throw new RecoveryException("QEMU ended when the guest was to go on.");
        }
        if (domain.GetState().State is not DomainState.Running)
        {
            domain.Resume();
        }
    }
}
