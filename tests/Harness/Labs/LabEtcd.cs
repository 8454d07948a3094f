// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Hikae.Harness.Labs;

/// <summary>Debian's etcd on the LAN of a lab, outside both hosts, at the test client's address. It ends with the lab.</summary>
public sealed class LabEtcd : IDisposable
{
    /// <summary>What hikae.conf needs so that the hosts ask it, and nobody else.</summary>
    public static readonly IReadOnlyDictionary<string, string> Settings = new Dictionary<string, string>
    {
        ["arbiter.kind"] = "etcd",
        ["arbiter.endpoints"] = Url,
        ["arbiter.directory"] = "",
    };

    private const string Url = "http://10.77.1.1:2379";

    private readonly Lab _lab;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("hikae-etcd-");
    private Process? _process;

    /// <summary>Starts it.</summary>
    public LabEtcd(Lab lab)
    {
        _lab = lab;
        Start();
    }

    /// <summary>Starts it, again with the same data.</summary>
    public void Start()
    {
        // The number of a process in the client's namespaces; those of processes end with the lab.
        string client = File.ReadAllText(Path.Combine(_lab.Folder, "client")).Split(' ')[0];
        ProcessStartInfo start = LabCommand.StartInfo(
            "nsenter",
            [
                "--target", client, "--net", "--pid", "--", EtcdServer.Require(), "--data-dir", Path.Combine(_folder.FullName, "data"),
                "--listen-client-urls", Url, "--advertise-client-urls", Url, "--listen-peer-urls", "http://127.0.0.1:0", "--log-level", "error",
            ],
            _lab.Environment);
        _process = Process.Start(start)!;
        _process.StandardInput.Close();
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
        _lab.Until("etcd listens", IsListening);
    }

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        _process?.Kill(entireProcessTree: true);
        _process?.WaitForExit();
        _process?.Dispose();
        _process = null;
        _lab.Until("etcd is gone", () => !IsListening());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Kill();
        _folder.Delete(recursive: true);
    }

    private bool IsListening()
    {
        using Socket socket = _lab.ClientSocket();
        try
        {
            socket.Connect(IPAddress.Parse("10.77.1.1"), 2379);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
