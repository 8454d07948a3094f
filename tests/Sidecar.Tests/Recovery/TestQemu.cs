// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Hikae.Native.Linux;

namespace Hikae.Sidecar.Tests.Recovery;

/// <summary>A real QEMU without libvirt: monitor and serial port are sockets that it connects to, so nothing is polled.</summary>
internal sealed class TestQemu : IDisposable
{
    private const int SigKill = 9;

    // A limit on waiting for something that must happen; a loaded machine needs a few seconds.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private readonly Process _process;

    // A run that passed left a QEMU behind once, for a reason that is not known: the kernel is asked, not the runtime.
    private readonly PidFd _end;
    private readonly Socket _monitor;
    private readonly StreamReader _replies;
    private readonly Socket _serial;
    private readonly Thread _serialReader;
    private readonly StringBuilder _console = new();
    private readonly List<JsonElement> _events = [];
    private bool _consoleEnded;

    internal TestQemu(QemuFixture fixture, string name, params string[] more)
    {
        string monitorPath = fixture.PathOf($"{name}.qmp");
        string serialPath = fixture.PathOf($"{name}.serial");
        using Socket monitor = Listen(monitorPath);
        using Socket serial = Listen(serialPath);
        ProcessStartInfo start = fixture.Qemu();
        foreach (string argument in new[]
        {
            "-machine", QemuFixture.Machine, "-accel", "tcg", "-m", "128", "-nodefaults", "-display", "none", "-vga", "none",
            "-kernel", fixture.Kernel, "-initrd", fixture.Initramfs, "-append", "console=ttyS0 quiet loglevel=3 panic=-1",
            "-chardev", $"socket,id=monitor,path={monitorPath}", "-mon", "chardev=monitor,mode=control",
            "-chardev", $"socket,id=serial,path={serialPath}", "-serial", "chardev:serial",
        }.Concat(more))
        {
            start.ArgumentList.Add(argument);
        }
        _process = Process.Start(start)!;
        _end = PidFd.Open(_process.Id);
        _monitor = monitor.Accept();
        _monitor.ReceiveTimeout = (int)Patience.TotalMilliseconds;
        _serial = serial.Accept();
        _replies = new StreamReader(new NetworkStream(_monitor), Encoding.UTF8);
        Read(); // the greeting
        Execute("qmp_capabilities");
        _serialReader = new Thread(ReadSerial) { IsBackground = true };
        _serialReader.Start();
    }

    internal int ProcessId => _process.Id;

    internal string Console
    {
        get
        {
            lock (_console)
            {
                return _console.ToString();
            }
        }
    }

    internal JsonElement Execute(string command, object? arguments = null)
    {
        string json = arguments is null
            ? JsonSerializer.Serialize(new { execute = command })
            : JsonSerializer.Serialize(new { execute = command, arguments });
        _monitor.Send(Encoding.UTF8.GetBytes(json + "\n"));
        while (true)
        {
            JsonElement message = Read();
            if (message.TryGetProperty("return", out JsonElement value))
            {
                return value;
            }
            if (message.TryGetProperty("error", out JsonElement error))
            {
                throw new InvalidOperationException($"{command}: {error}");
            }
            _events.Add(message);
        }
    }

    internal void WaitForEvent(string name)
    {
        while (!_events.Exists(e => e.GetProperty("event").GetString() == name))
        {
            _events.Add(Read());
        }
    }

    /// <summary>Waits until the guest has written a whole line that starts so.</summary>
    internal void WaitForLine(string start)
    {
        DateTime limit = DateTime.UtcNow + Patience;
        lock (_console)
        {
            while (!_console.ToString().Split('\n')[..^1].Any(line => line.StartsWith(start, StringComparison.Ordinal)))
            {
                TimeSpan left = limit - DateTime.UtcNow;
                if (_consoleEnded || left <= TimeSpan.Zero || !Monitor.Wait(_console, left))
                {
                    throw new TimeoutException($"no line \"{start}\" in:\n{_console}");
                }
            }
        }
    }

    /// <summary>Ends QEMU and returns everything the guest ever wrote.</summary>
    internal string Quit()
    {
        Execute("quit");
        _end.WaitForExit(Patience);
        _serialReader.Join();
        return Console;
    }

    public void Dispose()
    {
        if (!_end.HasExited)
        {
            _end.Kill(SigKill);
            _end.WaitForExit(Patience);
        }
        _end.Dispose();
        _serialReader.Join();
        _process.Dispose();
        _replies.Dispose();
        _monitor.Dispose();
        _serial.Dispose();
    }

    private static Socket Listen(string path)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        socket.Listen(1);
        return socket;
    }

    private JsonElement Read()
    {
        string line = _replies.ReadLine() ?? throw new InvalidOperationException("QEMU ended.");
        using JsonDocument document = JsonDocument.Parse(line);
        return document.RootElement.Clone();
    }

    private void ReadSerial()
    {
        byte[] buffer = new byte[4096];
        int read = 1;
        while (read > 0)
        {
            try
            {
                read = _serial.Receive(buffer);
            }
            catch (SocketException)
            {
                read = 0;
            }
            lock (_console)
            {
                _console.Append(Encoding.ASCII.GetString(buffer, 0, read).Replace("\r", "", StringComparison.Ordinal));
                _consoleEnded = read == 0;
                Monitor.PulseAll(_console);
            }
        }
    }
}
