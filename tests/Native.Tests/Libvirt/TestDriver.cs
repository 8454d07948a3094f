// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Runtime.CompilerServices;
using Hikae.Native.Libvirt;

namespace Hikae.Native.Tests.LibvirtTests;

/// <summary>
/// libvirt's own test driver: a whole imaginary host inside the client library. All connections to test:///default in a process
/// share one host, so each test gives its guest a name and UUID of its own.
/// </summary>
internal static class TestDriver
{
    internal const string DefaultUri = "test:///default";

    private static DomainEventSubscription? _anchor;

    /// <summary>How long an event may take on a busy machine.</summary>
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    // See Connection.Anchor: this host's events have one queue for all connections, also for those that listen to nothing.
    [ModuleInitializer]
    internal static void Anchor() => _anchor ??= Connection.Open(DefaultUri).WatchDomains();

    /// <summary>A host of its own, which one connection has for itself.</summary>
    internal static Connection OpenOwn()
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, "<node/>");
            return Connection.Open($"test://{file}");
        }
        finally
        {
            File.Delete(file);
        }
    }

    internal static string NewUuid() => Guid.NewGuid().ToString();

    internal static string Xml(string uuid) => $"""
        <domain type='test'>
          <name>guest-{uuid}</name>
          <uuid>{uuid}</uuid>
          <memory unit='KiB'>8192</memory>
          <vcpu>1</vcpu>
          <os><type>hvm</type></os>
        </domain>
        """;

    /// <summary>Reads until an event of this guest satisfies the condition.</summary>
    internal static async Task<DomainEvent> NextAsync(DomainEventSubscription events, string uuid, Func<DomainEvent, bool> condition)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (true)
        {
            DomainEvent next = await events.Reader.ReadAsync(limit.Token);
            if (next.Uuid == uuid && condition(next))
            {
                return next;
            }
        }
    }
}
