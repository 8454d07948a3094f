// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Text.Json;
using Hikae.Native.Linux;
using Hikae.Sidecar.Epoch;

namespace Hikae.Sidecar.Capture;

/// <summary>One monitor command at a time on a thread of its own, so that something can be done while QEMU works at it.</summary>
internal sealed class MonitorCall(QemuMonitor monitor) : IDisposable
{
    private readonly byte[] _signal = new byte[1];
    private Task? _running;

    /// <summary>Becomes readable when the command has been answered.</summary>
    public Pipe Done { get; private set; } = Pipe.Create();

    /// <summary>Sends a command; <paramref name="pause"/> is started right before.</summary>
    public void Begin(string command, Action<Utf8JsonWriter> writeArguments, PauseTimings pause)
    {
        Pipe done = Done;
        _running = Task.Factory.StartNew(
            () =>
            {
                try
                {
                    pause.Start();
                    monitor.Execute(command, writeArguments);
                }
                finally
                {
                    done.Signal();
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    /// <summary>Waits for the answer and throws what the command threw.</summary>
    public void End()
    {
        Task running = _running!;
        _running = null;
        try
        {
            running.GetAwaiter().GetResult();
        }
        finally
        {
            Done.Read(_signal);
        }
    }

    /// <summary>Nobody waits for the answer any more. It may never come: libvirtd may hang.</summary>
    public void Abandon()
    {
        if (_running is { } running)
        {
            Pipe done = Done;
            Done = Pipe.Create();
            _running = null;
            running.ContinueWith(
                ended =>
                {
                    _ = ended.Exception;
                    done.Dispose();
                },
                TaskScheduler.Default);
        }
    }

    public void Dispose()
    {
        Abandon();
        Done.Dispose();
    }
}
