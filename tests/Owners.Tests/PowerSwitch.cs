// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;

namespace Hikae.Owners.Tests;

/// <summary>
/// A switch that cuts the hosts' power, and the agent that operates it by the calling convention of Pacemaker's fence agents. The agent runs on a host, which
/// cannot reach out of the lab: it leaves what it was told on the shared storage and waits there for the switch's answer.
/// </summary>
internal sealed class PowerSwitch : IDisposable
{
    private const string Agent = """
        #!/bin/sh
        cd /srv/shared/fence || exit 2
        cat >options.new && mv options.new options
        while ! [ -e answer ]; do sleep 0.05; done
        read -r status <answer
        rm answer
        exit "$status"
        """;

    private readonly Lab _lab;
    private readonly string _folder;
    private readonly Thread _thread;
    private volatile bool _ends;
    private volatile bool _isBroken;
    private volatile Exception? _fault;
    private volatile string[] _lastOptions = [];

    public PowerSwitch(Lab lab)
    {
        _lab = lab;
        _folder = Directory.CreateDirectory(Path.Combine(lab.SharedFolder, "fence")).FullName;
        string agent = Path.Combine(_folder, "agent");
        File.WriteAllText(agent, Agent);
        File.SetUnixFileMode(agent, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        _thread = new Thread(Serve) { IsBackground = true, Name = "power switch" };
        _thread.Start();
    }

    /// <summary>What hikae.conf needs for it.</summary>
    public static IReadOnlyDictionary<string, string> Settings { get; } = new Dictionary<string, string>
    {
        ["fence.command"] = "/srv/shared/fence/agent",
        ["fence.options"] = "ip=power.example username=lab",
    };

    /// <summary>It cuts nothing any more, and says so.</summary>
    public bool IsBroken
    {
        set => _isBroken = value;
    }

    /// <summary>What the agent was told the last time.</summary>
    public IReadOnlyList<string> LastOptions => _fault is null ? _lastOptions : throw new LabException($"the switch failed: {_fault}");

    public void Dispose()
    {
        _ends = true;
        _thread.Join();
    }

    private void Serve()
    {
        try
        {
            string options = Path.Combine(_folder, "options");
            for (; !_ends; Thread.Sleep(20))
            {
                if (File.Exists(options))
                {
                    string[] told = File.ReadAllLines(options);
                    File.Delete(options);
                    Answer(Act(told));
                    _lastOptions = told;
                }
            }
        }
        catch (Exception fault)
        {
            _fault = fault;
        }
    }

    private int Act(string[] options)
    {
        if (_isBroken || !options.Contains("action=off"))
        {
            return 1;
        }

        _lab.Hosts.Single(host => options.Contains($"port={host.Name}")).Kill();
        return 0;
    }

    private void Answer(int status)
    {
        string answer = Path.Combine(_folder, "answer");
        File.WriteAllText(answer + ".new", $"{status}\n");
        File.Move(answer + ".new", answer);
    }
}
