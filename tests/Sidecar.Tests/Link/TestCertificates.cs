// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Hikae.Protocol.Configuration;

namespace Hikae.Sidecar.Tests.Link;

/// <summary>An authority of the test's own and certificates signed by it, as PEM files.</summary>
internal sealed class TestCertificates : IDisposable
{
    private const string ServerUse = "1.3.6.1.5.5.7.3.1";
    private const string ClientUse = "1.3.6.1.5.5.7.3.2";

    private readonly string _folder = Directory.CreateTempSubdirectory("hikae-pki-").FullName;
    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _authority;

    public TestCertificates()
    {
        var request = new CertificateRequest($"CN=test authority {Guid.NewGuid()}", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _authority = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-30), DateTimeOffset.UtcNow.AddDays(30));
        CaFile = Write("ca.pem", _authority.ExportCertificatePem());
    }

    public string CaFile { get; }

    /// <summary>A host's [link] section: certificates for <paramref name="name"/>, this authority trusted unless another is given.</summary>
    public LinkConfiguration Host(string name, int port = 0, string? caFile = null, bool expired = false)
    {
        (string serverCertificate, string serverKey) = Sign(name, ServerUse, expired);
        (string clientCertificate, string clientKey) = Sign(name, ClientUse, expired);
        return new LinkConfiguration
        {
            Port = port,
            CaFile = caFile ?? CaFile,
            CertificateFile = serverCertificate,
            KeyFile = serverKey,
            ClientCertificateFile = clientCertificate,
            ClientKeyFile = clientKey,
            DetectAfter = TimeSpan.FromMinutes(5),
        };
    }

    public void Dispose()
    {
        _authority.Dispose();
        _key.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private (string Certificate, string Key) Sign(string name, string use, bool expired)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(use)], critical: false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        DateTimeOffset end = DateTimeOffset.UtcNow.AddDays(expired ? -1 : 10);
        using X509Certificate2 certificate = request.Create(_authority, DateTimeOffset.UtcNow.AddDays(-20), end, RandomNumberGenerator.GetBytes(8));
        string file = Guid.NewGuid().ToString("N");
        return (Write(file + ".crt", certificate.ExportCertificatePem()), Write(file + ".key", key.ExportPkcs8PrivateKeyPem()));
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
