// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Hikae.Protocol.Configuration;

namespace Hikae.Tools.Doctor;

/// <summary>The certificates of the link: there, readable, belonging to their keys, signed by the authority, and not about to end.</summary>
internal sealed class CertificateCheck(HostFiles host, Distribution distribution, LinkConfiguration link, TimeProvider clock) : IDoctorCheck
{
    private const string ServerUse = "1.3.6.1.5.5.7.3.1"; // id-kp-serverAuth, RFC 5280
    private const string ClientUse = "1.3.6.1.5.5.7.3.2"; // id-kp-clientAuth

    private static readonly TimeSpan EarlyWarning = TimeSpan.FromDays(30);

    public IEnumerable<Finding> Run()
    {
        if (link.Tls == LinkSecurity.PlaintextForTestsOnly)
        {
            yield return Finding.Warn("TLS", "switched off: anybody on the network can read and change guests", "remove the line tls from [link] of /etc/hikae/hikae.conf");
            yield break;
        }

        X509Certificate2? authority = null;
        string? problem = null;
        try
        {
            authority = X509Certificate2.CreateFromPem(File.ReadAllText(host.PathOf(link.CaFile)));
        }
        catch (Exception e) when (IsUnreadable(e))
        {
            problem = e.Message;
        }

        if (authority is null)
        {
            yield return Finding.Fail("authority", $"{link.CaFile}: {problem}", $"set up libvirt's TLS certificates (libvirt.org/kbase/tlscerts.html, certtool is in {distribution.CertificateTool}) or set ca in [link]");
            yield break;
        }

        using (authority)
        {
            yield return Finding.Ok("authority", authority.Subject);
            yield return Check("server certificate", link.CertificateFile, link.KeyFile, ServerUse, authority);
            yield return Check("client certificate", link.ClientCertificateFile, link.ClientKeyFile, ClientUse, authority);
        }
    }

    private static bool IsUnreadable(Exception e) =>
        e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException;

    private Finding Check(string subject, string file, string keyFile, string use, X509Certificate2 authority)
    {
        try
        {
            // Throws when the key is not the certificate's.
            using X509Certificate2 certificate = X509Certificate2.CreateFromPemFile(host.PathOf(file), host.PathOf(keyFile));
            return Check(subject, certificate, use, authority);
        }
        catch (Exception e) when (IsUnreadable(e))
        {
            return Finding.Fail(subject, $"{file}, {keyFile}: {e.Message}", "issue it again with its key, as libvirt.org/kbase/tlscerts.html says");
        }
    }

    private Finding Check(string subject, X509Certificate2 certificate, string use, X509Certificate2 authority)
    {
        using var chain = new X509Chain
        {
            ChainPolicy =
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                VerificationTime = clock.GetUtcNow().UtcDateTime,
                VerificationTimeIgnored = false,
            },
        };
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(use));
        if (!chain.Build(certificate))
        {
            string reasons = string.Join("; ", chain.ChainStatus.Select(status => status.StatusInformation.Trim().TrimEnd('.')));
            return Finding.Fail(subject, $"{certificate.Subject} is not trusted: {reasons}", "issue it again from the authority in ca");
        }

        DateTime end = certificate.NotAfter.ToUniversalTime();
        string ends = end.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        return end - clock.GetUtcNow().UtcDateTime < EarlyWarning
            ? Finding.Warn(subject, $"{certificate.Subject} ends on {ends}", "issue it again before that day")
            : Finding.Ok(subject, $"{certificate.Subject}, valid until {ends}");
    }
}
