// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness;
using Hikae.Harness.Labs;
using Xunit;

namespace Hikae.Packages.Tests;

/// <summary>hostA and hostB as the Ansible role has set them up from a third host over SSH, with a guest that they protect: what administrators have tools for.</summary>
public sealed class PlayedHosts : IDisposable
{
    internal const string GuestName = "web";

    /// <summary>Where hikaed answers Prometheus.</summary>
    internal const int MetricsPort = 16521;

    private readonly PackagesLab _packages;
    private readonly Lazy<string> _firstPlay;
    private readonly Lazy<LabGuest> _guest;

    public PlayedHosts(PackagesLab packages)
    {
        _packages = packages;
        _firstPlay = new(PlayOnBareHosts);
        _guest = new(StartGuest);
    }

    /// <summary>The hosts' lab.</summary>
    internal Lab Lab => _packages.Lab;

    /// <summary>Where Ansible runs.</summary>
    internal LabHost Controller => Lab.Hosts[2];

    /// <summary>What the play said when nothing was installed.</summary>
    internal string FirstPlay => _firstPlay.Value;

    /// <summary>The guest, protected once; a test may have failed it over to hostB.</summary>
    internal LabGuest Guest => _guest.Value;

    /// <summary>The host that runs the guest, which is protected there.</summary>
    internal LabHost WaitForProtected()
    {
        // Paused in a checkpoint, it runs nowhere for a moment.
        LabHost primary = Lab.Eventually($"{Guest.Name} runs", () => Lab.Hosts.FirstOrDefault(host => Guest.StateOn(host) == "running"));
        Guest.WaitForProtected(primary);
        return primary;
    }

    /// <summary>The only package of that kind.</summary>
    internal string Package(string pattern) => _packages.Package(pattern);

    /// <summary>Plays what packaging/ansible has; gives all it says, also when it fails.</summary>
    internal string Play() => Controller.Shell(
        """
        cd /root/ansible
        export ANSIBLE_HOST_KEY_CHECKING=False ANSIBLE_NOCOLOR=1 ANSIBLE_PIPELINING=True
        ansible-playbook -i inventory.yml site.yml 2>&1 || echo "ended with $?"
        """);

    public void Dispose()
    {
        if (!_firstPlay.IsValueCreated)
        {
            return;
        }
        foreach (LabHost host in new[] { Lab.HostA, Lab.HostB })
        {
            Clear(host);
        }
    }

    private static void Clear(LabHost host) => host.TryRun(
        "sh", "-c", $"virsh -q destroy {GuestName}; virsh -q undefine {GuestName}; dpkg -P cockpit-hikae hikae; rm -rf /etc/hikae /var/cache/hikae");

    private string PlayOnBareHosts()
    {
        LabHost controller = _packages.Clean;
        controller.Shell("rm -rf /root/ansible /root/.ssh; mkdir -p /root/ansible; mkdir -m 700 /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519");
        string key = controller.Shell("cat /root/.ssh/id_ed25519.pub");
        foreach (LabHost host in new[] { Lab.HostA, Lab.HostB })
        {
            Clear(host);
            host.Shell($"rm -rf /etc/pki/libvirt /etc/pki/CA /srv/shared/hikae; mkdir -p -m 700 /root/.ssh; echo '{key}' >/root/.ssh/authorized_keys; systemctl start ssh");
        }

        // Once, on the storage that all share: the role does not make it.
        Lab.HostA.Shell("mkdir -m 700 /srv/shared/hikae");
        string package = PackagesLab.Hand(controller, Package("hikae_*.deb"));
        PackagesLab.Shell("cp -r \"$1\"/. \"$2\"", Repository.PathOf("packaging", "ansible"), controller.PathOf("/root/ansible"));
        File.WriteAllText(controller.PathOf("/root/ansible/inventory.yml"), Repository.Read("packaging", "ansible", "inventory.example.yml")
            .Replace("hosta.example", "hostA", StringComparison.Ordinal)
            .Replace("hostb.example", "hostB", StringComparison.Ordinal)
            .Replace("{{ playbook_dir }}/../../artifacts/packages/hikae_0.1.0_amd64.deb", package, StringComparison.Ordinal)
            .Replace("[::1]:16521", $"0.0.0.0:{MetricsPort}", StringComparison.Ordinal)
            // Nothing here is about a host that fails: a busy machine's pauses shall not look like one. Nor about checkpoints, which make it busy.
            + "      link: {detect_ms: 10000}\n      arbiter: {lease_ms: 30000}\n      checkpoint: {min_interval_ms: 200, interval_ms: 1000}\n      host: {title: \"yes\"}\n");
        return Play();
    }

    private LabGuest StartGuest()
    {
        Assert.Contains("failed=0", FirstPlay, StringComparison.Ordinal);
        LabGuest guest = Lab.StartGuest(GuestName, new LabGuestOptions { Nic = true, Disk = "32M", Protect = "hostB", MemoryMiB = 128 });
        guest.WaitForProtected(Lab.HostA);
        return guest;
    }
}
