// SPDX-License-Identifier: LGPL-2.1-or-later
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Hikae.Tools.Tests.Doctor;

/// <summary>Signs certificates as libvirt's set-up guide has an administrator do with certtool.</summary>
internal sealed class TestAuthority : IDisposable
{
    internal static readonly DateTimeOffset Begin = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    internal static readonly DateTimeOffset End = Begin.AddDays(365);

    private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 _certificate;

    private readonly DateTimeOffset _begin;
    private readonly DateTimeOffset _end;

    internal TestAuthority()
        : this(Begin, End)
    {
    }

    /// <summary>Both its own certificate and those it signs are valid from the one moment to the other.</summary>
    internal TestAuthority(DateTimeOffset begin, DateTimeOffset end)
    {
        (_begin, _end) = (begin, end);
        var request = new CertificateRequest("CN=test authority", _key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        _certificate = request.CreateSelfSigned(begin, end);
    }

    internal string Pem => _certificate.ExportCertificatePem();

    internal (string Certificate, string Key) Sign(string name, string use)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(use)], critical: false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 certificate = request.Create(_certificate, _begin, _end, [1, 2, 3]);
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    public void Dispose()
    {
        _certificate.Dispose();
        _key.Dispose();
    }
}
