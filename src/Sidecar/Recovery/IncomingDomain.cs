// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json;
using Hikae.Native.Libvirt;
using Hikae.Sidecar.Capture;

namespace Hikae.Sidecar.Recovery;

/// <summary>A domain that libvirt created paused and whose QEMU waits for a migration stream.</summary>
internal sealed class IncomingDomain : IDisposable
{
    /// <summary>Between two questions whether QEMU has loaded the guest; a question takes about 1 ms itself.</summary>
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(2);

    /// <summary>Longest that QEMU may take no byte, or load devices: a hung QEMU must not hold up a failover for ever. Loading takes some 30 ms.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // virDomainPausedReason
    private const int VIR_DOMAIN_PAUSED_STARTING_UP = 11;

    private readonly QemuMonitor _monitor;

    private IncomingDomain(Domain domain)
    {
        Domain = domain;
        _monitor = new QemuMonitor(domain);
    }

    public Domain Domain { get; }

    /// <summary>
    /// The machine type by which QEMU will judge a stream's header, such as "pc-q35-10.0". The XML may name an alias.
    /// </summary>
    public string MachineType
    {
        get
        {
            const string suffix = "-machine";
            string type = _monitor.Execute("qom-get", writer =>
            {
                writer.WriteString("path", "/machine");
                writer.WriteString("property", "type");
            }).GetString() ?? "";
            return type.EndsWith(suffix, StringComparison.Ordinal) ? type[..^suffix.Length] : type;
        }
    }

    public static IncomingDomain Create(Connection connection, IncomingDomainXml xml, DomainCreateFlags more) =>
        new(connection.CreateXml(xml.ForIncoming(), DomainCreateFlags.Paused | more));

    /// <summary>True: some libvirtd has begun to start it and is not done. Its QEMU is not asked, as that may wait for as long.</summary>
    public static bool IsHalfStarted(Domain domain) => domain.GetState() is (DomainState.Paused, VIR_DOMAIN_PAUSED_STARTING_UP);

    /// <summary>False: QEMU has loaded what it waited for, or waits for nothing.</summary>
    public static bool IsWaitingForStream(Domain domain) =>
        new QemuMonitor(domain).Execute("query-status") is var status
        && status.ValueKind == JsonValueKind.Object
        && status.TryGetProperty("status", out JsonElement name)
        && name.GetString() == "inmigrate";

    /// <summary>Null: memory may follow after the guest runs. Else QEMU's reason; mostly its user may not open /dev/userfaultfd.</summary>
    public string? TryEnableLazyMemory()
    {
        try
        {
            _monitor.Execute("migrate-set-capabilities", writer =>
            {
                writer.WriteStartArray("capabilities");
                WriteCapability(writer, "postcopy-ram");
                writer.WriteEndArray();
            });
            return null;
        }
        catch (QemuMonitorException error)
        {
            return error.Detail;
        }
    }

    /// <summary>Makes QEMU listen and connects to it, both ways.</summary>
    public NetworkStream Connect()
    {
        string path = Path.Combine(DomainDirectory.Of(Domain), "hikae.sock");
        _monitor.Execute("migrate-incoming", writer => writer.WriteString("uri", $"unix:{path}"));
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw new RecoveryException($"QEMU's socket {path} cannot be reached: {error.Message}", error);
        }
        File.Delete(path);
        return new NetworkStream(socket, ownsSocket: true) { WriteTimeout = (int)Patience.TotalMilliseconds };
    }

    /// <summary>Waits until QEMU has loaded the devices and stands paused. Throws <see cref="LibvirtException"/> when libvirtd has ended, else <see cref="RecoveryException"/>.</summary>
    /// <param name="connection">The domain's.</param>
    /// <param name="check">Throws when that will never be.</param>
    public void WaitUntilLoaded(Connection connection, Action check)
    {
        long started = Stopwatch.GetTimestamp();
        try
        {
            while (IsWaitingForStream(Domain))
            {
                check();
                if (Stopwatch.GetElapsedTime(started) > Patience)
                {
                    throw new RecoveryException($"QEMU did not load the guest's devices within {Patience.TotalSeconds:0} s.");
                }
                Thread.Sleep(PollInterval);
            }
        }
        catch (LibvirtException error) when (connection.IsAlive)
        {
            throw new RecoveryException($"QEMU ended while it loaded the guest; {LogOf(Domain)} says why ({error.Message}).", error);
        }
        check();
    }

    /// <summary>Where libvirt keeps what this domain's QEMU said.</summary>
    public static string LogOf(Domain domain) => $"/var/log/libvirt/qemu/{domain.Name}.log";

    public void Dispose() => Domain.Dispose();

    private static void WriteCapability(Utf8JsonWriter writer, string name)
    {
        writer.WriteStartObject();
        writer.WriteString("capability", name);
        writer.WriteBoolean("state", true);
        writer.WriteEndObject();
    }
}
