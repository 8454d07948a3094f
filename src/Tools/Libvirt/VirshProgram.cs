// SPDX-License-Identifier: LGPL-2.1-or-later
using System.ComponentModel;
using System.Diagnostics;
using Hikae.Protocol.Annotation;

namespace Hikae.Tools.Libvirt;

/// <summary>libvirt as far as this command line needs it, by way of virsh: it is there wherever libvirt is administered.</summary>
/// <remarks>Names are given with --domain, so that a guest called "--help" is a guest.</remarks>
internal sealed class VirshProgram(string program)
{
    /// <summary>A libvirt that holds an answer back this long is stuck.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    internal DomainInfo Info(string guest)
    {
        string info = Run("dominfo", "--domain", guest);
        return new DomainInfo(IsActive: Field(info, "Id") != "-", IsPersistent: Field(info, "Persistent") == "yes");
    }

    internal string Xml(string guest, bool inactive) =>
        inactive ? Run("dumpxml", "--domain", guest, "--inactive") : Run("dumpxml", "--domain", guest);

    internal void SetMetadata(string guest, string element, bool live, bool config) =>
        Run([.. Metadata(guest), "--key", HikaeNamespaces.Prefix, "--set", element, .. Scope(live, config)]);

    internal void RemoveMetadata(string guest, bool live, bool config) =>
        Run([.. Metadata(guest), "--remove", .. Scope(live, config)]);

    /// <summary>UUIDs of the guests that run.</summary>
    internal IReadOnlyList<string> RunningGuests() =>
        Run("list", "--uuid").Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>What "virsh version --daemon" says.</summary>
    internal string Version() => Run("version", "--daemon");

    private static string[] Metadata(string guest) => ["metadata", "--domain", guest, "--uri", HikaeNamespaces.Domain];

    private static IEnumerable<string> Scope(bool live, bool config)
    {
        if (live)
        {
            yield return "--live";
        }

        if (config)
        {
            yield return "--config";
        }
    }

    private static string? Field(string text, string name) => text
        .Split('\n')
        .Where(line => line.StartsWith(name + ":", StringComparison.Ordinal))
        .Select(line => line[(name.Length + 1)..].Trim())
        .FirstOrDefault();

    private string Run(params string[] arguments)
    {
        var start = new ProcessStartInfo(program, ["--connect", "qemu:///system", .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["LC_ALL"] = "C"; // its words are read here

        using Process virsh = Start(start);
        Task<string> output = virsh.StandardOutput.ReadToEndAsync();
        Task<string> errors = virsh.StandardError.ReadToEndAsync();
        if (!virsh.WaitForExit(Patience))
        {
            virsh.Kill();
            throw new VirshException($"virsh {arguments[0]} did not answer within {Patience.TotalSeconds} s");
        }

        if (virsh.ExitCode != 0)
        {
            string reason = errors.Result.Trim();
            throw new VirshException(reason.Length > 0 ? reason : $"virsh {arguments[0]} failed with exit status {virsh.ExitCode}");
        }

        return output.Result;
    }

    private Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            throw new VirshException($"{program} cannot be run; on Debian: apt install libvirt-clients");
        }
    }
}
