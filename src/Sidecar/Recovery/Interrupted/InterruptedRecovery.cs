// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Hikae.Native.Libvirt;
using Hikae.Sidecar.Capture;
using Microsoft.Extensions.Logging;

namespace Hikae.Sidecar.Recovery.Interrupted;

/// <summary>What became of a guest whose sidecar was killed in the middle of its recovery.</summary>
internal static class InterruptedRecovery
{
    // What QEMU has received and not yet put in its place.
    private static readonly TimeSpan LoadPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// Lets a guest that has all its memory run on as a guest of this host. One that has not never will, as the replica died with the process: it is
    /// destroyed, since a guest that stands still helps nobody. Throws <see cref="LibvirtException"/> or <see cref="QemuMonitorException"/>: ask again.
    /// </summary>
    public static void GoOn(string uri, TakeoverNote note, ILogger logger)
    {
        IncomingDomainXml xml = IncomingDomainXml.Parse(note.DomainXml);
        using Connection connection = Connection.Open(uri);
        using Domain? domain = connection.FindByUuid(xml.Uuid);
        if (domain is null || domain.Id < 0)
        {
            return;
        }
        if (!HasAllMemory(domain))
        {
            logger.RecoveryCutShort();
            domain.Destroy();
            return;
        }
        if (!note.HasRun && domain.GetState().State is DomainState.Paused)
        {
            domain.Resume();
        }
        using Domain defined = connection.DefineXml(xml.ForDefinition(note.FormerOwner));
    }

    /// <summary>
    /// A guest that ended before its definition was written can be started here by its administrator, as it is this host's. Nothing happens to a definition that
    /// is there.
    /// </summary>
    public static void Define(string uri, TakeoverNote note, ILogger logger)
    {
        try
        {
            IncomingDomainXml xml = IncomingDomainXml.Parse(note.DomainXml);
            using Connection connection = Connection.Open(uri);
            using Domain? there = connection.FindByUuid(xml.Uuid);
            if (there is null)
            {
                using Domain defined = connection.DefineXml(xml.ForDefinition(note.FormerOwner));
            }
        }
        catch (LibvirtException error)
        {
            logger.NotDefined(error.Message);
        }
    }

    /// <summary>Ends a guest that must not or cannot go on. Throws <see cref="LibvirtException"/>: ask again.</summary>
    public static void Destroy(string uri, string uuid)
    {
        using Connection connection = Connection.Open(uri);
        using Domain? domain = connection.FindByUuid(uuid);
        domain?.Destroy();
    }

    private static bool HasAllMemory(Domain domain)
    {
        if (IncomingDomain.IsWaitingForStream(domain))
        {
            return false;
        }
        for (TimeSpan waited = TimeSpan.Zero; waited < LoadPatience; waited += PollInterval)
        {
            switch (MigrationState(domain))
            {
                case "completed" or null:
                    return true;
                case "active" or "postcopy-active":
                    Thread.Sleep(PollInterval);
                    break;
                default:
                    return false;
            }
        }
        return false;
    }

    private static string? MigrationState(Domain domain) =>
        new QemuMonitor(domain).Execute("query-migrate") is var answer
        && answer.ValueKind == JsonValueKind.Object
        && answer.TryGetProperty("status", out JsonElement status)
            ? status.GetString()
            : null;
}
