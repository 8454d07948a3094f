// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Protocol.Configuration;
using Hikae.Protocol.Ownership;

namespace Hikae.Tools.Doctor;

/// <summary>Where hosts agree who runs a guest: a directory that is there, writable, and not on a disk of this host only; or an etcd that answers.</summary>
internal sealed class ArbiterCheck(HostFiles host, Distribution distribution, ArbiterConfiguration arbiter) : IDoctorCheck
{
    private const string Subject = "arbiter";

    private static readonly string[] LocalFileSystems = ["ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "overlay", "zfs"];

    public IEnumerable<Finding> Run()
    {
        if (arbiter.Kind is ArbiterKind.Etcd)
        {
            return [AskEtcd()];
        }

        if (arbiter.Directory is not string directory)
        {
            return [Finding.Fail(Subject, ArbiterConfiguration.NoDirectoryReason, "set directory in [arbiter] of /etc/hikae/hikae.conf, on storage all hosts share")];
        }

        if (!Directory.Exists(host.PathOf(directory)))
        {
            return [Finding.Fail(Subject, $"{directory} does not exist", $"mount the shared storage (NFS: {distribution.NfsClient}), then: mkdir -m 700 {directory}")];
        }

        return TryWrite(directory) is string problem
            ? [Finding.Fail(Subject, $"{directory} cannot be written: {problem}", "root of each host must be able to write there (NFS: no_root_squash)")]
            : [Place(directory)];
    }

    /// <summary>A reading needs a quorum, as a claim does. Writing is not tried: what a claim leaves stays for ever.</summary>
    private Finding AskEtcd()
    {
        string members = string.Join(", ", arbiter.Endpoints.Select(endpoint => endpoint.Authority));
        try
        {
            ArbiterFactory.Open(arbiter, syncDirectory: null)!.Read(Guid.NewGuid());
            return Finding.Ok(Subject, $"etcd at {members} answers");
        }
        catch (ArbiterUnavailableException e)
        {
            return Finding.Fail(Subject, e.Message, "start etcd, or mend endpoints, ca, certificate and key in [arbiter] of /etc/hikae/hikae.conf");
        }
    }

    private string? TryWrite(string directory)
    {
        string file = host.PathOf($"{directory}/.doctor-{Guid.NewGuid():N}");
        try
        {
            using FileStream probe = new(file, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                Options = FileOptions.DeleteOnClose,
            });
            probe.WriteByte((byte)'\n');
            probe.Flush(flushToDisk: true);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    private Finding Place(string directory)
    {
        string kind = FileSystemOf(directory);
        return LocalFileSystems.Contains(kind)
            ? Finding.Warn(Subject, $"{directory} is writable, but on {kind}, which one host has for itself", "make sure that all hosts see the same directory, for instance by NFS")
            : Finding.Ok(Subject, $"{directory} is writable");
    }

    /// <summary>The type of the innermost mount that holds the directory: fields 5 and, after the dash, 9 of mountinfo, see proc(5).</summary>
    private string FileSystemOf(string directory)
    {
        string best = "";
        string kind = "unknown";
        foreach (string line in (host.Read("/proc/self/mountinfo") ?? "").Split('\n'))
        {
            string[] fields = line.Split(' ');
            int dash = Array.IndexOf(fields, "-");
            if (dash < 6 || dash + 1 >= fields.Length)
            {
                continue;
            }

            string mount = fields[4];
            bool holds = mount == "/" || directory == mount || directory.StartsWith(mount + "/", StringComparison.Ordinal);
            if (holds && mount.Length >= best.Length)
            {
                (best, kind) = (mount, fields[dash + 1]);
            }
        }

        return kind;
    }
}
