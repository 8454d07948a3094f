// SPDX-License-Identifier: LGPL-2.1-or-later
using Hikae.Harness.Labs;

namespace Hikae.Tools.Tests.Doctor;

/// <summary>Certificates on a host as they should be, but of an authority that is not the other hosts', until this is disposed.</summary>
internal sealed class ForeignCertificates : IDisposable
{
    private const string ServerUse = "1.3.6.1.5.5.7.3.1"; // id-kp-serverAuth, RFC 5280
    private const string ClientUse = "1.3.6.1.5.5.7.3.2"; // id-kp-clientAuth

    private readonly LabHost _host;

    /// <param name="host">Where to install them.</param>
    /// <param name="keepAuthority">False: the host also believes in that authority, and in no other.</param>
    public ForeignCertificates(LabHost host, bool keepAuthority = false)
    {
        _host = host;
        host.Shell("cp -a /etc/pki /root/pki");
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using var authority = new TestAuthority(now.AddDays(-1), now.AddDays(365));
        Install(authority, "server", ServerUse);
        Install(authority, "client", ClientUse);
        if (!keepAuthority)
        {
            File.WriteAllText(host.PathOf("/etc/pki/CA/cacert.pem"), authority.Pem);
        }
    }

    public void Dispose() => _host.Shell("rm -r /etc/pki && mv /root/pki /etc/pki");

    private void Install(TestAuthority authority, string kind, string use)
    {
        (string certificate, string key) = authority.Sign(_host.Name, use);
        File.WriteAllText(_host.PathOf($"/etc/pki/libvirt/{kind}cert.pem"), certificate);
        File.WriteAllText(_host.PathOf($"/etc/pki/libvirt/private/{kind}key.pem"), key);
    }
}
